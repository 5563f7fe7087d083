export { type ExecutorPlace, describeCommandExecutor } from './describe-command-executor.js';
export { FakeCommandExecutor, type Scene, anAttachment } from './fake-command-executor.js';

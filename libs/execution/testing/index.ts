export { FakeCommandExecutor, type Scene, anAttachment } from './fake-command-executor.js';

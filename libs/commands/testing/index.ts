export { aCommand, aNewCommand, anExitRecord, anInstance } from './a-command.js';
export { type CommandRepositoryHarness, describeCommandRepository } from './describe-command-repository.js';
export { describeOutputLedger, type OutputLedgerHarness } from './describe-output-ledger.js';
export { FakeCommandExecutor, type Scene, anAttachment } from './fake-command-executor.js';
export { FaultyOutputLedger } from './faulty-output-ledger.js';
export { InMemoryCommandRepository } from './in-memory-command.repository.js';
export { InMemoryOutputLedger } from './in-memory-output-ledger.js';
export { Random } from './random.js';

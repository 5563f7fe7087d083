export { aCommand, aNewCommand, anExitRecord, anInstance } from './a-command.js';
export { describeOutputLedger, type OutputLedgerHarness } from './describe-output-ledger.js';
export { FaultyOutputLedger } from './faulty-output-ledger.js';
export { InMemoryCommandRepository } from './in-memory-command.repository.js';
export { InMemoryOutputLedger } from './in-memory-output-ledger.js';
export { Random } from './random.js';

export { describeOutputLedger, type OutputLedgerHarness } from './describe-output-ledger.js';
export { FaultyOutputLedger } from './faulty-output-ledger.js';
export { InMemoryOutputLedger } from './in-memory-output-ledger.js';

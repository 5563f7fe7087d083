export { OutputModule } from './output.module.js';
export { outputPartitions } from './adapters/postgres/output-partitions.js';
export { displaced, uncollected } from './application/gaps.js';
export { type OutputGap, OutputLedger } from './application/output-ledger.js';
export { OutputWriter, advance } from './application/output-writer.js';
export { OutputService } from './application/output.service.js';
export { toMessages } from './adapters/http/command-stream.js';

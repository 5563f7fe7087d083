export { aCommand, aCreator, aNewCommand, anExitRecord, anInstance } from './a-command.js';
export {
  type CommandRepositoryHarness,
  type CommandStore,
  describeCommandRepository,
} from './describe-command-repository.js';
export { InMemoryCommandRepository } from './in-memory-command.repository.js';
export { Random } from './random.js';
export { PostgresCommandRepository } from '../src/adapters/postgres/postgres-command.repository.js';
export { PostgresCommandLeases } from '../src/adapters/postgres/postgres-command-leases.js';
export { notStarted } from '../src/domain/result.js';

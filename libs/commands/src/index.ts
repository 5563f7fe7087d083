export { CommandsModule, type CommandsOptions } from './commands.module.js';
export { CommandsService, type CommandRequest } from './application/commands.service.js';
export {
  type AdmittedCommand,
  type Command,
  type CommandSummary,
  type Startup,
  PRIORITIES,
  type Priority,
  type Instance,
  type EndedCommand,
  commandCancelRequested,
  commandEnded,
  commandSignalled,
  commandStarted,
  type CommandSpec,
  stdinWritten,
  type NewCommand,
  hasInput,
  outlineOf,
} from './domain/command.js';
export { COMMAND_TYPES, type CommandType, isGuarded, type Program, programOf, type Work } from './domain/work/index.js';
export { CommandHints, type CommandObserver } from './application/hints.js';
export { CommandLimits } from './application/command-limits.js';
export {
  ENDED_COLUMNS,
  ENDING,
  type EndedRow,
  SUMMARY_COLUMNS,
  type SummaryRow,
  toEnded,
  toRank,
  toSummary,
} from './adapters/postgres/command.mapper.js';
export { IN_USE, commandPartitions } from './adapters/postgres/command-partitions.js';
export {
  LeaseLost,
  CommandRejected,
  QueueFull,
  OutputExpired,
  CommandEnded,
  CommandNotRunning,
  CommandUnreachable,
  SignalIgnored,
  ContainerRefused,
} from './domain/command.errors.js';
export { type Position, START, isAt } from './domain/position.js';
export { CommandRepository } from './application/command.repository.js';
export {
  type Reason,
  type Ending,
  endingOf,
  killed,
  notStarted,
  spoolWasFull,
  withFullSpool,
  type ExitEvidence,
  lost,
} from './domain/result.js';
export { checkContainer } from './domain/container.js';
export { hasEnded } from './domain/status.js';
export { CommandQueue, type QueueRules } from './application/command-queue.js';
export { CommandLeases } from './application/command-leases.js';
export { CommandRules, type RulesSubject } from './application/command-rules.js';
export { type QueuePlace, QueuePlaces } from './application/queue-places.js';
export type { Rejection } from './domain/rejection.js';
export { CommandResponse, toResponse } from './adapters/http/command.response.js';
export { COMMAND_EXAMPLES } from './adapters/http/command-examples.js';
export { CreateCommandRequest, toRequest } from './adapters/http/commands.dto.js';
export { wantsTrailers } from './adapters/http/headers.js';

export { CommandsModule, type CommandsOptions } from './commands.module.js';
export { CommandsService } from './application/commands.service.js';
export { type QueueOrder, compareOrder } from './domain/queue-order.js';
export { PRIORITIES, type Priority } from './domain/command.js';
export { CommandHints } from './application/hints.js';
export { CommandLimits } from './application/limits.js';
export { LEASE_SECONDS, RunningCommands } from './application/running-commands.js';
export { InvalidPolicy, loadPolicy } from './adapters/yaml/policy-file.js';
export { CommandPolicy } from './domain/command-policy.js';

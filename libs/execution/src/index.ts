export { ExecutionModule } from './execution.module.js';
export { CommandExecutor } from './application/command-executor.js';
export { KubernetesCommandExecutor } from './adapters/kubernetes/kubernetes-command-executor.js';
export { STARTUP_BYTES_MAX } from './application/large-starts.js';
export { LEASE_SECONDS, RunningCommands } from './application/running-commands.js';

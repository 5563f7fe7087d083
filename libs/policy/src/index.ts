export { PolicyModule } from './policy.module.js';
export { loadPolicy } from './adapters/yaml/load-policy.js';
export { CommandPolicy, type PolicyRule } from './domain/command-policy.js';
export { CommandCheck } from './application/command-check.js';
export { COMMANDS } from './domain/git/command-table.js';
export { GIT_EDITORS, gitSettings, guardedGit, refusedArgv } from './domain/git/guard.js';
export { directoryBelow } from './domain/git/directory.js';
export { GitRefused } from './domain/git/refused.js';

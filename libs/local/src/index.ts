export { exhausted } from './exhausted.js';
export { LocalModule } from './local.module.js';
export { type RunOptions, runProgram } from './run-program.js';
export { Workspaces } from './workspaces.js';

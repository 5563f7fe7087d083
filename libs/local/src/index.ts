export { type RunOptions, runProgram } from './run-program.js';
export { Workspaces } from './workspaces.js';

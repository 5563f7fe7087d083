export { dataDirectory } from '../src/cluster.js';
export { findPrograms } from '../src/programs.js';
export { ServerUser } from '../src/server-user.js';

export { ApiKeysModule } from './apikeys.module.js';
export { Bootstrap, type BootstrapOptions } from './application/bootstrap.js';

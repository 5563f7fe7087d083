export { DataDirectoryInUse, EmbeddedPostgresUnavailable } from './errors.js';
export { EmbeddedPostgres } from './embedded-postgres.js';

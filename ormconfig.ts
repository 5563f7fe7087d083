import { dataSourceOptions } from '@app/database';
import { DataSource } from 'typeorm';

/**
 * For the TypeORM command line and the drift check, on the built tree:
 * `DATABASE_URL=postgres://… npx typeorm migration:show -d dist/ormconfig.js`.
 */
export default new DataSource({
  ...dataSourceOptions(process.env.DATABASE_URL ?? 'postgres://rdev@localhost:5432/rdev', { poolSize: 2 }),
  entities: [`${import.meta.dirname}/libs/*/src/**/*.{entity,entities}.js`],
});

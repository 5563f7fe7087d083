import { dataSourceOptions } from '@app/database';
import { DataSource } from 'typeorm';

/**
 * For the migrations of TypeORM's command line, on the built code:
 * `DATABASE_URL=postgres://… npx typeorm migration:show -d dist/ormconfig.cjs`.
 */
export default new DataSource(
  dataSourceOptions(process.env.DATABASE_URL ?? 'postgres://rdev@localhost:5432/rdev', { poolSize: 2 }),
);

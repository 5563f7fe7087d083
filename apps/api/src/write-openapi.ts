import { readFile, writeFile } from 'node:fs/promises';
import { loadConfig } from '@app/config';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { describeApi } from './openapi.js';

/** Writes apps/api/openapi.json; with `--check` only checks whether the file is up to date. Needs no database. */
async function main(): Promise<void> {
  const file = 'apps/api/openapi.json';
  const module = AppModule.with(loadConfig({}), 'postgres://unused@localhost/unused');
  const app = await NestFactory.create(module, { preview: true, logger: false });
  const text = `${JSON.stringify(describeApi(app), null, 2)}\n`;
  if (!process.argv.includes('--check')) {
    await writeFile(file, text);
    return;
  }
  const current = await readFile(file, 'utf8').catch(() => '');
  if (current === text) return;
  console.error(`${file} is out of date. Run: npm run openapi`);
  process.exitCode = 1;
}

void main();

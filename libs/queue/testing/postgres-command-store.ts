import { PostgresCommandLeases, PostgresCommandRepository, type CommandStore } from '@app/commands/testing';
import type { Database } from '@app/database';
import { PostgresCommandQueue } from '../src/adapters/postgres/postgres-command-queue.js';

/** All repositories of commands as one. */
export function postgresCommandStore(database: Database): CommandStore {
  const parts = [
    new PostgresCommandRepository(database),
    new PostgresCommandLeases(database),
    new PostgresCommandQueue(database),
  ];
  return new Proxy({} as CommandStore, {
    get: (_target, name) => {
      const part = parts.find((candidate) => name in candidate) as Record<PropertyKey, unknown> | undefined;
      const member = part?.[name];
      return typeof member === 'function' ? member.bind(part) : member;
    },
  });
}

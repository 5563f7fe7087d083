// Preloaded into the API: writes how long each command waited, from the commit of its POST to the call of its
// supervisor.
import { SupervisedCommandExecutor } from '../../libs/execution/src/adapters/supervised-command-executor.js';
import { PostgresCommandQueue } from '../../libs/queue/src/adapters/postgres/postgres-command-queue.js';
import { CommandHints } from '../../libs/commands/src/application/hints.js';

let isQueued = false;
let committedAt = 0;
before(PostgresCommandQueue, 'enqueue', () => {
  isQueued = true;
});
before(CommandHints, 'queueChanged', () => {
  if (isQueued) committedAt = performance.now();
  isQueued = false;
});
before(SupervisedCommandExecutor, 'start', () => {
  process.stdout.write(`waited ${String(performance.now() - committedAt)}\n`);
});

function before({ prototype }: { prototype: any }, method: string, act: () => void): void {
  const original = prototype[method];
  prototype[method] = function (...args: unknown[]) {
    act();
    return original.apply(this, args);
  };
}

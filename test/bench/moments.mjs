// Preloaded into the API: writes how long each command waited, from the commit of its POST to the call of its supervisor.
const load = (path) => import(new URL(`../../dist/libs/commands/src/${path}.js`, import.meta.url));
const { CommandHints } = await load('application/hints');
const { TypeormCommandRepository } = await load('adapters/typeorm/typeorm-command.repository');
const { SupervisedCommandExecutor } = await load('adapters/supervised-command-executor');

let isQueued = false;
let committedAt = 0;
before(TypeormCommandRepository, 'enqueue', () => {
  isQueued = true;
});
before(CommandHints, 'queueChanged', () => {
  if (isQueued) committedAt = performance.now();
  isQueued = false;
});
before(SupervisedCommandExecutor, 'start', () => {
  process.stdout.write(`waited ${String(performance.now() - committedAt)}\n`);
});

function before({ prototype }, method, act) {
  const original = prototype[method];
  prototype[method] = function (...args) {
    act();
    return original.apply(this, args);
  };
}

import { randomInt } from 'node:crypto';
import { readFile, readdir, readlink } from 'node:fs/promises';
import { createServer } from 'node:net';

/**
 * Kills what still runs in or because of a directory: commands leave the session of the API that started them, as they
 * should, and must not outlive the test. Linux only; elsewhere it finds nothing.
 */
export async function killProcessesOf(dir: string): Promise<void> {
  for (const pid of await processIds()) {
    if (pid !== process.pid && (await belongsTo(pid, dir))) signal(pid, 'SIGKILL');
  }
}

async function processIds(): Promise<readonly number[]> {
  const names = await readdir('/proc').catch((): string[] => []);
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}

async function belongsTo(pid: number, dir: string): Promise<boolean> {
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
  if (cwd === dir || cwd.startsWith(`${dir}/`)) return true;
  const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
  return environment.includes(dir);
}

/** To a process, or with a negative id to its whole group. True if there was one. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** Below those that the system gives to whoever asks for any port. */
const PORTS = { first: 10_000, count: 20_000 };

/**
 * A port of 127.0.0.1 that nothing listens on, for a program that cannot listen on port 0 and say which one it got, or
 * for nothing to listen on. Servers of ours can.
 */
export async function freePort(): Promise<number> {
  const port = PORTS.first + randomInt(PORTS.count);
  const server = createServer();
  const isFree = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
  return isFree ? port : freePort();
}

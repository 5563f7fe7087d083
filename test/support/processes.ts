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

/** A port of 127.0.0.1 that nothing listens on now. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

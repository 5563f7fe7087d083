import { createServer } from 'node:net';
import { StartRefused } from '@app/kernel';

export class PortInUse extends StartRefused {
  constructor(host: string, port: number, variable: string) {
    super(
      `Port ${String(port)} on ${host} is in use, perhaps by another rdev. Stop it, or choose another port with ${variable}.`,
    );
    this.name = 'PortInUse';
  }
}

/** Checks before anything is started, so that the message comes first. @throws {@link PortInUse} */
export async function assertPortIsFree(
  { host, port }: { readonly host: string; readonly port: number },
  variable: 'PORT' | 'METRICS_PORT',
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new PortInUse(host, port, variable) : error);
    });
    server.listen(port, host, () =>
      server.close(() => {
        resolve();
      }),
    );
  });
}

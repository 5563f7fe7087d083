import type { Release } from './release.js';

/** Prints a line for each request: the port, then what it has received. */
const SERVER = `
const http = require('node:http');
for (const port of [9000, 9001])
  http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      console.log(port + ' ' + body);
      response.writeHead(204).end();
    });
  }).listen(port);
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => process.exit());
`;

/** A pod of the release's namespace that receives messages at two ports, and the Service in front of it. */
export class ReceiverPod {
  private constructor(
    private readonly release: Release,
    /** Of the Service. */
    readonly address: string,
  ) {}

  static async start(release: Release, image: string): Promise<ReceiverPod> {
    const labels = { app: 'receiver' };
    const container = {
      name: 'receiver',
      image,
      command: ['node', '-e', SERVER],
      resources: { requests: { cpu: '10m', memory: '32Mi' } },
      readinessProbe: { tcpSocket: { port: 9001 }, periodSeconds: 1 },
    };
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'receiver', labels },
      spec: { containers: [container] },
    };
    const ports = [9000, 9001].map((port) => ({ name: `port-${port}`, port }));
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'receiver' },
      spec: { selector: labels, ports },
    };
    const list = { apiVersion: 'v1', kind: 'List', items: [pod, service] };
    await release.kubectlWith(JSON.stringify(list), 'apply', '--filename=-');
    await release.kubectl('wait', 'pod/receiver', '--for=condition=Ready', '--timeout=120s');
    const address = await release.kubectl('get', 'service', 'receiver', '--output=jsonpath={.spec.clusterIP}');
    return new ReceiverPod(release, address);
  }

  /** The messages that have arrived at a port, with repetitions. */
  async messages(port: number): Promise<{ type: string; data: any }[]> {
    const log = await this.release.kubectl('logs', 'receiver');
    const lines = log.split('\n').filter((line) => line.startsWith(`${port} `));
    return lines.map((line) => JSON.parse(line.slice(line.indexOf(' '))));
  }

  async remove(): Promise<void> {
    await this.release.kubectl('delete', 'pod/receiver', 'service/receiver', '--grace-period=1', '--wait=true');
  }
}

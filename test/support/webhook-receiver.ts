import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedMessage {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly message: { type: string; timestamp: string; data: any };
}

/** What an endpoint responds to its nth message. */
export type Respond = (
  received: ReceivedMessage,
  count: number,
) => { status: number; headers?: Record<string, string> };

/** Receives messages at any path of one origin, and keeps them. */
export class WebhookReceiver {
  readonly received: ReceivedMessage[] = [];
  /** By path; others respond 204. */
  readonly responses = new Map<string, Respond>();

  private constructor(
    private readonly server: Server,
    readonly base: string,
  ) {}

  static async start(): Promise<WebhookReceiver> {
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const path = request.url ?? '';
        const one = { path, headers: request.headers as Record<string, string>, body, message: JSON.parse(body) };
        receiver.received.push(one);
        const { status, headers = {} } = receiver.responses.get(path)?.(one, receiver.at(path).length) ?? {
          status: 204,
        };
        response.writeHead(status, headers).end(status === 204 ? undefined : 'no thanks');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const receiver = new WebhookReceiver(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return receiver;
  }

  at(path: string): ReceivedMessage[] {
    return this.received.filter((one) => one.path === path);
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

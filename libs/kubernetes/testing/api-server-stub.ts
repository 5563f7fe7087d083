import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';
import { KubernetesClient } from '../src/kubernetes-client.js';
import type { PodJson } from '../src/pod-json.js';
import { ExecSession } from './exec-session.js';

interface ObjectBody {
  readonly metadata?: { readonly name?: string; readonly uid?: string; readonly resourceVersion?: string };
  /** The UID precondition of a DELETE. */
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

interface LoggedEvent {
  readonly version: number;
  readonly line: string;
}

/**
 * A real HTTP server that lists, watches and execs like the Kubernetes API, and fails in every way that a test sets.
 */
export class ApiServerStub {
  readonly token = 'stub-token-that-must-never-be-seen';
  lists = 0;
  /** Requests of all kinds, however they were answered. */
  requests = 0;
  readonly watches = new Set<ServerResponse>();
  /** While set, every request gets this response. */
  refusal: { status: number; body: string } | null = null;
  /** While true, requests are accepted and never answered. */
  hangs = false;
  /** While true, watches stay open and get nothing, not even their end at the timeout. */
  silent = false;
  /** Protocols of the exec server, in order of preference. */
  protocols: readonly string[] = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
  /** Whether exec connections respond to pings; read when one opens. */
  pongs = true;
  onExec: (session: ExecSession) => void = () => undefined;
  /** All objects except the listed pods, by path, as created and patched. */
  readonly objects = new Map<string, unknown>();
  /** Overrides the stub's response to a request, unless it returns null. */
  onRequest: (method: string, path: string) => { status: number; body: object } | null = () => null;

  private readonly pods = new Map<string, PodJson>();
  private log: LoggedEvent[] = [];
  private version = 1;
  private oldest = 1;
  private readonly sockets = new Set<Socket>();
  private readonly directory = mkdtempSync(join(tmpdir(), 'api-server-stub-'));

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => this.serve(request, response));
    server.on('upgrade', (request, socket: Socket, head) => this.upgrade(request, socket, head));
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
  }

  static async start(): Promise<ApiServerStub> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new ApiServerStub(server);
  }

  client(): Promise<KubernetesClient> {
    const { port } = this.server.address() as AddressInfo;
    const kubeconfigPath = join(this.directory, 'config');
    const config = {
      'current-context': 'stub',
      contexts: [{ name: 'stub', context: { cluster: 'stub', user: 'stub' } }],
      clusters: [
        { name: 'stub', cluster: { server: `http://127.0.0.1:${String(port)}`, 'insecure-skip-tls-verify': true } },
      ],
      users: [{ name: 'stub', user: { token: this.token } }],
    };
    writeFileSync(kubeconfigPath, JSON.stringify(config));
    return KubernetesClient.open({ mode: 'kubeconfig', kubeconfigPath, namespace: 'projects' });
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Adds or changes a pod and notifies the watches. */
  set(pod: PodJson): void {
    const uid = pod.metadata?.uid ?? '';
    this.record(this.pods.has(uid) ? 'MODIFIED' : 'ADDED', pod);
    this.pods.set(uid, pod);
  }

  remove(pod: PodJson): void {
    this.pods.delete(pod.metadata?.uid ?? '');
    this.record('DELETED', pod);
  }

  /** Changes the pods without an event, as if it had been lost. */
  forget(pod: PodJson): void {
    this.pods.delete(pod.metadata?.uid ?? '');
  }

  /** Compacts the history: watches from an earlier version get 410. */
  compact(): void {
    this.log = [];
    this.version += 1;
    this.oldest = this.version;
  }

  bookmark(): void {
    this.version += 1;
    const metadata = { resourceVersion: String(this.version) };
    this.say(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata } })}\n`);
  }

  /** Writes raw text to every watch. */
  say(text: string): void {
    if (!this.silent) for (const watch of this.watches) watch.write(text);
  }

  endWatches(): void {
    for (const watch of this.watches) watch.end();
  }

  /** Breaks every connection. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** Number of open connections. */
  get connections(): number {
    return this.sockets.size;
  }

  private record(type: string, pod: PodJson): void {
    this.version += 1;
    const object = { ...pod, metadata: { ...pod.metadata, resourceVersion: String(this.version) } };
    const line = `${JSON.stringify({ type, object })}\n`;
    this.log.push({ version: this.version, line });
    this.say(line);
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    this.requests += 1;
    if (this.hangs) return;
    if (request.headers.authorization !== `Bearer ${this.token}`) return void response.writeHead(401).end();
    if (this.refusal) return void response.writeHead(this.refusal.status).end(this.refusal.body);
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://stub');
    if (query.get('watch') === 'true') this.watch(query, response);
    else if (request.method === 'GET' && pathname.endsWith('/pods')) this.list(query, response);
    else if (pathname.endsWith('/events')) this.listEvents(pathname, query, response);
    else void this.serveObject(request, pathname, response);
  }

  /** Create, read, merge, delete: the part of the API's object handling that tests need. */
  private async serveObject(request: IncomingMessage, path: string, response: ServerResponse): Promise<void> {
    const { method = 'GET' } = request;
    const text = (await request.toArray()).join('');
    const body = (text === '' ? {} : JSON.parse(text)) as ObjectBody;
    const told = this.onRequest(method, path);
    const at = method === 'POST' ? `${path}/${body.metadata?.name ?? ''}` : path;
    const found = (this.objects.get(at) ?? (method === 'GET' ? this.pod(at) : undefined)) as ObjectBody | undefined;
    const reply = (status: number, object: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(object));
    if (told !== null) return void reply(told.status, told.body);
    if (method === 'POST' && found !== undefined) return void reply(409, { reason: 'AlreadyExists' });
    if (method !== 'POST' && found === undefined) return void reply(404, { reason: 'NotFound' });
    const { uid, resourceVersion } = body.preconditions ?? body.metadata ?? {};
    const isOther = (uid ?? found?.metadata?.uid) !== found?.metadata?.uid;
    const isNewer = (resourceVersion ?? found?.metadata?.resourceVersion) !== found?.metadata?.resourceVersion;
    if (found !== undefined && (isOther || isNewer)) return void reply(409, { reason: 'Conflict' });
    if (method === 'DELETE') this.objects.delete(at);
    else if (method !== 'GET') {
      const version = String(++this.version);
      const metadata = { uid: found?.metadata?.uid ?? `uid-${version}`, resourceVersion: version };
      this.objects.set(at, merged(merged(found, body), { metadata }));
    }
    reply(method === 'POST' ? 201 : 200, method === 'GET' ? found : (this.objects.get(at) ?? {}));
  }

  /** The events of one object, by its name or UID. */
  private listEvents(path: string, query: URLSearchParams, response: ServerResponse): void {
    const [, field = '', value] = /^involvedObject\.(name|uid)=(.*)$/.exec(query.get('fieldSelector') ?? '') ?? [];
    const all = (this.objects.get(path) ?? []) as { involvedObject: Record<string, string> }[];
    const items = all.filter(({ involvedObject }) => involvedObject[field] === value);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ items }));
  }

  /** The listed pod that a path names. */
  private pod(path: string): PodJson | undefined {
    return [...this.pods.values()].find(({ metadata }) => path.endsWith(`/pods/${metadata?.name ?? ''}`));
  }

  private list(query: URLSearchParams, response: ServerResponse): void {
    this.lists += 1;
    const all = [...this.pods.values()];
    const from = Number(query.get('continue') ?? 0);
    const to = from + Number(query.get('limit') ?? all.length);
    const next = to < all.length ? { continue: String(to) } : {};
    const metadata = { resourceVersion: String(this.version), ...next };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ kind: 'PodList', metadata, items: all.slice(from, to) }));
  }

  private watch(query: URLSearchParams, response: ServerResponse): void {
    const from = Number(query.get('resourceVersion'));
    if (from < this.oldest) return void response.writeHead(410).end(JSON.stringify({ code: 410, reason: 'Expired' }));
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    this.watches.add(response);
    const missed = this.log.filter(({ version }) => version > from);
    if (!this.silent) response.write(missed.map(({ line }) => line).join(''));
    const ms = Number(query.get('timeoutSeconds')) * 1000;
    const timer = setTimeout(() => this.silent || response.end(), ms);
    response.on('close', () => {
      clearTimeout(timer);
      this.watches.delete(response);
    });
  }

  private upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.requests += 1;
    if (this.hangs) return;
    if (this.refusal) {
      const { status, body } = this.refusal;
      const lines = [
        `HTTP/1.1 ${String(status)} Refused`,
        `Content-Length: ${String(Buffer.byteLength(body))}`,
        '',
        body,
      ];
      return void socket.end(lines.join('\r\n'));
    }
    const handleProtocols = (offered: Set<string>) => this.protocols.find((one) => offered.has(one)) ?? false;
    const server = new WebSocketServer({ noServer: true, handleProtocols, autoPong: this.pongs });
    server.handleUpgrade(request, socket, head, (webSocket) => {
      const query = new URL(request.url ?? '/', 'http://stub').searchParams;
      this.onExec(new ExecSession(webSocket, query.getAll('command'), query.get('container')));
    });
  }
}

/** @see RFC 7396 */
function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result = new Map<string, unknown>(Object.entries(typeof target === 'object' && target !== null ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, merged(result.get(name), value));
  }
  return Object.fromEntries(result);
}

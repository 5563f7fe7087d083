import type { IncomingMessage } from 'node:http';
import type { KubernetesClient } from './kubernetes-client.js';
import { KubernetesApiError, errorFromResponse, errorFromFailure } from './kubernetes.errors.js';
import { readText } from './kubernetes-transport.js';
import { observePod } from './observe-pod.js';
import type { ObservedPod } from './observed-pod.js';
import type { PodJson } from './pod-json.js';

/** All pods at one moment; a watch from `version` continues from there. */
export interface PodList {
  readonly pods: readonly ObservedPod[];
  readonly version: string;
}

/** One line of a watch. `pod` is null for a bookmark, which only advances the version. */
export interface PodEvent {
  readonly type: 'set' | 'removed' | 'bookmark';
  readonly pod: ObservedPod | null;
  readonly version: string;
}

/** The version to watch from is too old: list again. */
export class WatchExpired extends Error {}

interface ListBody {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly PodJson[];
}

interface WatchLine {
  readonly type?: string;
  readonly object?: PodJson & { readonly code?: number; readonly message?: string };
}

const PAGE_SIZE = 500;
/** etcd limits a pod to 1.5 MiB; JSON escapes may double it. */
const LINE_BYTES_MAX = 4 * 1024 * 1024;
/** How long the server may take to begin a watch. */
const OPEN_MS = 5_000;
/** How long a watch may outlast its `timeoutSeconds`. */
const OVERTIME_MS = 3_000;

/** Lists and watches the pods of the client's namespace, and converts them to domain values. */
export class PodSource {
  readonly #client: KubernetesClient;
  readonly #selector: string;

  constructor(client: KubernetesClient, labelSelector: string) {
    this.#client = client;
    this.#selector = labelSelector;
  }

  /** Requests no version, so that the list comes from etcd and not from an API server's cache. */
  async list(signal: AbortSignal): Promise<PodList> {
    const pods: ObservedPod[] = [];
    let page: ListBody = {};
    do {
      const query = { limit: String(PAGE_SIZE), ...(page.metadata?.continue && { continue: page.metadata.continue }) };
      page = (await this.#client.getJson(this.#path(query), { signal })) as ListBody;
      if (!Array.isArray(page.items)) throw new Error('The API sent an object that is not a list of pods.');
      for (const item of page.items as PodJson[]) pods.push(observePod(item));
    } while (page.metadata?.continue);
    return { pods, version: page.metadata?.resourceVersion ?? '' };
  }

  /**
   * Follows changes after a version; returns when the server ends the watch regularly, after about `seconds`.
   * @throws {@link WatchExpired}, or an error for any other end, including silence beyond `seconds`
   */
  async *watch(version: string, seconds: number, signal: AbortSignal): AsyncGenerator<PodEvent> {
    const timeoutSeconds = String(seconds);
    const path = this.#path({ watch: 'true', allowWatchBookmarks: 'true', resourceVersion: version, timeoutSeconds });
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), OPEN_MS);
    let response: IncomingMessage | undefined;
    try {
      response = await this.#client.read(() => this.#open(path, AbortSignal.any([signal, silence.signal])));
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), seconds * 1000 + OVERTIME_MS);
      for await (const line of linesOf(response)) yield toEvent(line);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (silence.signal.aborted) throw new Error('The watch timed out: it did not start or end in time.');
      throw error instanceof WatchExpired || error instanceof KubernetesApiError ? error : errorFromFailure(error);
    } finally {
      clearTimeout(timer);
      response?.destroy();
    }
  }

  async #open(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const response = await this.#client.transport.send({ path, signal });
    if (response.statusCode !== 200) await refuse(response);
    return response;
  }

  #path(query: Readonly<Record<string, string>>): string {
    const search = new URLSearchParams({ labelSelector: this.#selector, ...query });
    return `/api/v1/namespaces/${encodeURIComponent(this.#client.namespace)}/pods?${search.toString()}`;
  }
}

async function refuse(response: IncomingMessage): Promise<never> {
  const body = await readText(response);
  if (response.statusCode === 410) throw new WatchExpired();
  throw errorFromResponse(response.statusCode ?? 0, body);
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      // Split at the byte: no UTF-8 character contains a line feed, but a chunk may end within one.
      yield Buffer.concat([...parts, chunk.subarray(from, end)]).toString('utf8');
      parts = [];
      bytes = 0;
      from = end + 1;
    }
    parts.push(chunk.subarray(from));
    bytes += chunk.length - from;
    if (bytes > LINE_BYTES_MAX) throw new Error('A line of the watch is too long.');
  }
  if (bytes > 0) throw new Error('The watch ended within a line.');
}

// eslint-disable-next-line complexity -- what a server may send, each case in its line
function toEvent(line: string): PodEvent {
  const { type, object } = JSON.parse(line) as WatchLine;
  const version = object?.metadata?.resourceVersion ?? '';
  if (type === 'ERROR' && object?.code === 410) throw new WatchExpired();
  if (type === 'ERROR') throw new KubernetesApiError(object?.code ?? 0, '', object?.message ?? 'The watch failed.');
  if (!object || !version) throw new Error('The API sent an invalid watch event.');
  if (type === 'BOOKMARK') return { type: 'bookmark', pod: null, version };
  if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED')
    throw new Error('The API sent a watch event of an unknown type.');
  return { type: type === 'DELETED' ? 'removed' : 'set', pod: observePod(object), version };
}

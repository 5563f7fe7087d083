import { setTimeout as delay } from 'node:timers/promises';
import { Backoff } from '@app/resilience';
import { Logger } from '@nestjs/common';
import type { KubernetesClient } from './kubernetes-client.js';
import { safeCause } from './kubernetes.errors.js';
import { INSTALL_LABEL, type ObservedPod, PROJECT_LABEL } from './observed-pod.js';
import { PodCache, type PodChange } from './pod-cache.js';
import { PodSource, WatchExpired } from './pod-source.js';

/** Which pods to follow, and how closely. */
export interface InformerOptions {
  /** Default: all pods with the label {@link PROJECT_LABEL}. */
  readonly labelSelector?: string;
  /** Hides pods created by other installs; null: shows all. Default null. */
  readonly install?: string | null;
  /**
   * Duration of one watch, ±20 %. A watch that has died silently is noticed at its end, so this is the longest time
   * that a status can be wrong without being marked stale. Default 30 s.
   */
  readonly watchSeconds?: number;
  /** Longest pause between retries while the API is unavailable; default 5 s. */
  readonly retryMsMax?: number;
}

/** How current the informer's pods are. */
export interface InformerState {
  /** Whether all pods have been listed at least once. Until then the absence of a pod means nothing. */
  readonly synced: boolean;
  /** Start of the time in which changes may have been missed; null while the watch works. */
  readonly staleSince: Date | null;
  /** Whether the API has refused or failed again since then: more than one dropped connection. */
  readonly isAway: boolean;
}

const RETRY_MS_FIRST = 250;
/** A watch that lasted this long resets the back-off: the next failure is a new outage. */
const STEADY_MS = 10_000;
/** Some proxies accept a watch and end it immediately; following that would be a busy loop. */
const WATCH_MS_MIN = 1_000;

/**
 * Keeps the pods of one namespace in memory: lists them, watches for changes, and does both again when a watch breaks,
 * expires, sends invalid data or falls silent. Runs until stopped.
 */
export class PodInformer {
  /** A read is stale while the watch does not work, and a miss before the first list. */
  readonly lookups = { hit: 0, miss: 0, stale: 0 };
  readonly #logger = new Logger(PodInformer.name);
  readonly #source: PodSource;
  readonly #options: Required<InformerOptions>;
  readonly #backoff: Backoff;
  readonly #cache = new PodCache();
  readonly #listeners = new Set<(change: PodChange) => void>();
  readonly #synced = Promise.withResolvers<null>();
  readonly #failed = Promise.withResolvers<null>();
  #state: InformerState = { synced: false, staleSince: null, isAway: false };
  #lastContact: Date | null = null;
  #stopping: AbortController | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(client: KubernetesClient, options: InformerOptions = {}) {
    this.#options = { labelSelector: PROJECT_LABEL, install: null, watchSeconds: 30, retryMsMax: 5_000, ...options };
    // Full jitter: replicas that lost the API together must not reconnect together.
    this.#backoff = new Backoff(RETRY_MS_FIRST, this.#options.retryMsMax, 0);
    this.#source = new PodSource(client, this.#options.labelSelector);
  }

  /** The pods as last seen, in no particular order. */
  list(): readonly ObservedPod[] {
    this.#countLookup();
    return this.#cache.list();
  }

  /** Null if there is no such pod, or none seen yet. */
  get(uid: string): ObservedPod | null {
    this.#countLookup();
    return this.#cache.get(uid);
  }

  /** How many pods it shows: those of the namespace, which its quota bounds. */
  get size(): number {
    return this.#cache.size;
  }

  get state(): InformerState {
    return this.#state;
  }

  /** Resolves when all pods have been listed once, however long that takes. */
  async whenSynced(): Promise<void> {
    await this.#synced.promise;
  }

  /** Resolves when all pods have been listed once, when that has failed, or after `ms`. */
  async firstSync(ms: number): Promise<void> {
    const timeout = new AbortController();
    const late = delay(ms, undefined, { signal: timeout.signal }).catch(() => undefined);
    await Promise.race([this.#synced.promise, this.#failed.promise, late]);
    timeout.abort();
  }

  /**
   * Calls the listener for every change from now on, after `get` and `list` show it.
   * @returns the unsubscribe function
   */
  onChange(listener: (change: PodChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    if (this.#stopping) return;
    this.#stopping = new AbortController();
    this.#running = this.#run(this.#stopping.signal);
  }

  /** Resolves when the listeners will be called no more. The pods seen stay readable. */
  async stop(): Promise<void> {
    this.#stopping?.abort();
    await this.#running;
    this.#stopping = null;
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const begun = Date.now();
      try {
        await this.#follow(await this.#relist(signal), signal);
      } catch (error) {
        if (!(error instanceof WatchExpired || this.#stopping?.signal.aborted)) this.#lost(error);
      }
      if (Date.now() - begun > STEADY_MS) attempt = 0;
      await this.#backoff.wait(attempt, signal).catch(() => undefined);
    }
  }

  async #relist(signal: AbortSignal): Promise<string> {
    const { pods, version } = await this.#source.list(signal);
    this.#tell(this.#cache.replace(pods.filter((pod) => this.shows(pod))));
    if (this.#state.staleSince) this.#logger.log('The watch on pods has recovered.');
    this.#heard();
    this.#state = { synced: true, staleSince: null, isAway: false };
    this.#synced.resolve(null);
    return version;
  }

  async #follow(from: string, signal: AbortSignal): Promise<never> {
    let version = from;
    for (;;) {
      const seconds = Math.max(1, Math.round(this.#options.watchSeconds * (0.8 + Math.random() * 0.4)));
      const opened = Date.now();
      for await (const event of this.#source.watch(version, seconds, signal)) {
        version = event.version;
        this.#heard();
        if (event.pod) {
          const isThere = event.type !== 'removed' && this.shows(event.pod);
          this.#tell(isThere ? this.#cache.set(event.pod) : this.#cache.remove(event.pod));
        }
      }
      if (Date.now() - opened < WATCH_MS_MIN) throw new Error('The API ended a watch immediately.');
      this.#heard();
    }
  }

  /** Whether the informer shows a pod: true unless another install created it. */
  shows({ labels }: Pick<ObservedPod, 'labels'>): boolean {
    const { install } = this.#options;
    const maker = labels[INSTALL_LABEL];
    return install === null || maker === undefined || maker === install;
  }

  #countLookup(): void {
    const { synced, staleSince } = this.#state;
    this.lookups[!synced ? 'miss' : staleSince === null ? 'hit' : 'stale']++;
  }

  #heard(): void {
    this.#lastContact = new Date();
  }

  #lost(error: unknown): void {
    if (this.#state.staleSince) {
      this.#state = { ...this.#state, isAway: true };
      return;
    }
    this.#failed.resolve(null);
    this.#state = { ...this.#state, staleSince: this.#lastContact ?? new Date() };
    this.#logger.warn({ err: safeCause(error) }, 'Lost the watch on pods; project status may be stale.');
  }

  #tell(changes: readonly PodChange[]): void {
    for (const change of changes) {
      for (const listener of this.#listeners) {
        try {
          listener(change);
        } catch (error) {
          // A failing listener must neither hide the change from the others nor end the informer.
          this.#logger.error({ err: error, pod: change.pod.name }, 'A listener for pod changes failed.');
        }
      }
    }
  }
}

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesObject } from '@kubernetes/client-node';
import { isTransient } from '../../chaos/client.js';
import { LOAD_ENV } from '../../chaos/replica.js';
import { pick } from '../../chaos/output-steps.js';
import { type TestResponse, createTestDatabase, rowsOf, seededRandom } from '../../support/index.js';
import { ClusterSite } from './cluster-site.js';
import { SMALL_PROJECTS } from './projects-api.js';
import type { TestNamespace } from './test-cluster.js';

const RETRY_MS = 200;
const SETTLED_MS = 300_000;
const INSTALL_LABEL = 'rdev.dev/install';
const KINDS = {
  StatefulSet: '/apis/apps/v1/namespaces/%/statefulsets/',
  PersistentVolumeClaim: '/api/v1/namespaces/%/persistentvolumeclaims/',
  NetworkPolicy: '/apis/networking.k8s.io/v1/namespaces/%/networkpolicies/',
};

/** What must not change of the objects of a project, whatever another install does: one line per object. */
export type Fingerprint = readonly string[];

/** One of several installs in a namespace, with projects that it created and a database of its own. */
export class InstallSite extends ClusterSite {
  id = '';

  static async install(
    namespace: TestNamespace,
    token: string,
    { name, projects }: { name: string; projects: readonly string[] },
    replicaCount: number,
  ): Promise<InstallSite> {
    const site = new InstallSite(namespace, await createTestDatabase(), token, {
      name,
      projects,
      doomed: projects.slice(0, 1),
      recordFile: '/tmp/chaos-record',
      podOf: (project) => ({ pod: `rdev-${project}-0`, container: 'main' }),
    });
    // The databases of tests are clones, and an install keeps its identity in its database.
    const [row] = await rowsOf(site.database.url, 'UPDATE install SET id = gen_random_uuid() RETURNING id');
    site.id = row.id;
    for (let i = 0; i < replicaCount; i++) await site.addReplica({ ...LOAD_ENV, ...SMALL_PROJECTS });
    for (const id of projects) await site.ask('POST', '/v1/projects', [201], { id });
    await site.isSeen();
    return site;
  }

  override async close(): Promise<void> {
    await this.stop();
  }

  /** Sends the request to the replicas in turn until one responds with one of these statuses. */
  async ask(method: string, path: string, statuses: readonly number[], body?: unknown): Promise<TestResponse> {
    // A request whose response was lost is sent again, and must not act twice.
    const headers = method === 'POST' ? { 'idempotency-key': randomUUID() } : {};
    for (let i = 0; ; i++) {
      const { client } = this.replicas[i % this.replicas.length]!;
      const response = await client.request(method, path, body, headers).catch(() => null);
      if (response !== null && statuses.includes(response.status)) return response;
      if (response !== null && !isTransient(response))
        throw new Error(`${this.name}: ${method} ${path}: ${response.status} ${response.text}`);
      await delay(RETRY_MS);
    }
  }

  /** Tries everything that a client can do on the projects of another install, until the signal aborts. */
  async trespass(foreign: readonly string[], signal: AbortSignal, seed: number): Promise<number> {
    const random = seededRandom(seed);
    let tries = 0;
    for (; !signal.aborted; tries++) {
      const path = `/v1/projects/${pick(random, foreign)}`;
      const id = path.slice('/v1/projects/'.length);
      const { body } = await this.ask('POST', '/v1/projects', [409], { id });
      if (body.code !== 'PROJECT_EXISTS') throw new Error(`${this.name}: the project ${id} gave ${body.code}`);
      await this.ask('GET', path, [404]);
      await this.ask('PATCH', path, [404], { labels: { by: this.name } });
      await this.ask('POST', `${path}/commands`, [404], { type: 'shell', script: `echo ${this.id} >> /tmp/trespass` });
      await this.ask('POST', `${path}/stop`, [404]);
      await this.ask('DELETE', path, [404]);
      const { data } = (await this.ask('GET', '/v1/projects?limit=100', [200])).body;
      if (data.some((project: { id: string }) => foreign.includes(project.id)))
        throw new Error(`${this.name}: a project of the other is listed`);
      await pause(500, signal);
    }
    return tries;
  }

  /**
   * Creates, uses and deletes a project that the other install creates at the same time, until the signal aborts.
   * @returns how often it got the id
   */
  async contest(id: string, signal: AbortSignal): Promise<number> {
    let won = 0;
    while (!signal.aborted) {
      const { status } = await this.ask('POST', '/v1/projects', [201, 409], { id });
      if (status === 201 && (await this.isOurs(id))) {
        won++;
        await this.useContested(id);
      }
      // A 409 can also be the answer to the repetition of a request that was not answered.
      await this.remove(id);
      await pause(1_000, signal);
    }
    return won;
  }

  /** The identity, labels and specification of the objects of its projects. */
  async fingerprint(): Promise<Fingerprint> {
    const lines: string[] = [];
    for (const project of this.projects) {
      for (const [kind, path] of Object.entries(KINDS)) {
        const url = `${path.replace('%', this.namespace.name)}rdev-${project}`;
        const object = (await this.namespace.client.getJson(url)) as KubernetesObject & { spec: object };
        const { uid, labels } = object.metadata ?? {};
        lines.push(`${kind} ${project} of ${labels?.[INSTALL_LABEL]}: ${JSON.stringify([uid, labels, object.spec])}`);
      }
    }
    return lines;
  }

  /** The ids of all commands that this install has created. */
  async commandIds(): Promise<ReadonlySet<string>> {
    const rows = await rowsOf(this.database.url, 'SELECT id FROM commands');
    return new Set(rows.map(({ id }: { id: string }) => id));
  }

  private async isOurs(id: string): Promise<boolean> {
    return this.settled(id, async () => {
      const { status, body } = await this.ask('GET', `/v1/projects/${id}`, [200, 404]);
      if (status === 404 || body.status === 'failed') return false;
      return body.status === 'running' ? true : `${body.status}: ${body.reason}`;
    });
  }

  private async useContested(id: string): Promise<void> {
    const created = await this.ask('POST', `/v1/projects/${id}/commands`, [202], {
      type: 'shell',
      script: `cat owner 2>/dev/null; echo ${this.name} > owner; cat owner`,
    });
    const command = created.body.id;
    await this.settled(command, async () => {
      const { body } = await this.ask('GET', `/v1/commands/${command}`, [200]);
      return body.endedAt === null ? body.status : true;
    });
    const { body } = await this.ask('GET', `/v1/commands/${command}`, [200]);
    if (body.status === 'lost') return;
    const { text: output } = await this.ask('GET', `/v1/commands/${command}/output`, [200]);
    if (body.status !== 'succeeded' || output !== `${this.name}\n`)
      throw new Error(`${this.name}: a command in ${id} ended as ${JSON.stringify(body)} with the output ${output}`);
  }

  /** A creation that a paused replica received and did not answer may follow: what it creates is removed as well. */
  private async remove(id: string): Promise<void> {
    const path = `/v1/projects/${id}`;
    const askedAt = Date.now();
    await this.ask('DELETE', path, [202, 204, 404]);
    await this.settled(id, async () => {
      const { status, body } = await this.ask('GET', path, [200, 404]);
      if (status === 404) return true;
      if (Date.parse(body.createdAt) >= askedAt) await this.ask('DELETE', path, [202, 204, 404]);
      return `${body.status}: ${body.reason}, created at ${body.createdAt}, deleted at ${new Date(askedAt).toISOString()}`;
    });
  }

  /** @param read the result, or in words why there is none yet */
  private async settled(what: string, read: () => Promise<boolean | string>): Promise<boolean> {
    const deadline = Date.now() + SETTLED_MS;
    for (;;) {
      const value = await read();
      if (typeof value === 'boolean') return value;
      if (Date.now() > deadline) throw new Error(`${this.name}: ${what} did not settle in time, but is ${value}`);
      await delay(RETRY_MS);
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

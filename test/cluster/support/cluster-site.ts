import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { PodExec } from '@app/kubernetes';
import { CLUSTER_FAULTS, type ScheduledFault } from '../../chaos/faults.js';
import { FaultyProxy } from '../../chaos/faulty-proxy.js';
import { type Random, between } from '../../chaos/output-steps.js';
import { LOAD_ENV, Replica } from '../../chaos/replica.js';
import type { Site } from '../../chaos/site.js';
import type { Loss } from '../../chaos/loss.js';
import { type TestDatabase, createTestDatabase, eventually, newKey, seededRandom } from '../../support/index.js';
import { DerivedKubeconfigs, addressOf } from './kubeconfig.js';
import { documentedServiceAccount } from './service-account.js';
import { TestNamespace, kubeconfigs } from './test-cluster.js';
import { projectIs } from './projects-api.js';

/** The kubelet may take a minute to remove a pod. */
const POD_MS = 120_000;
/** Until every replica has observed a new pod. */
const NEWS_MS = 3_000;

/** The projects of a site, and where in the cluster they are. */
export interface SiteProjects {
  readonly name: string;
  readonly projects: readonly string[];
  /** Those of the projects whose pods are deleted during the run. */
  readonly doomed: readonly string[];
  readonly recordFile: string;
  podOf(project: string): { readonly pod: string; readonly container: string };
}

const UNMANAGED: SiteProjects = {
  name: 'cluster',
  projects: ['steady-1', 'steady-2', 'doomed-1', 'doomed-2'],
  doomed: ['doomed-1', 'doomed-2'],
  recordFile: '/tmp/chaos-record',
  podOf: (project) => ({ pod: `${project}-0`, container: 'main' }),
};

/** Replicas on one database, each with a proxy of its own in front of the API server, some of which speak v5. */
export class ClusterSite implements Site {
  readonly name: string;
  readonly projects: readonly string[];
  readonly recordFile: string;
  readonly faultKinds = [...Object.keys(CLUSTER_FAULTS), 'restartApiServer', 'deletePod'];
  readonly replicas: Replica[] = [];
  readonly losses: Loss[] = [];
  private readonly derived = new DerivedKubeconfigs();
  private readonly saved = new Map<string, string>();
  private readonly adminKey = newKey();

  protected constructor(
    readonly namespace: TestNamespace,
    readonly database: TestDatabase,
    private readonly token: string,
    private readonly where: SiteProjects,
  ) {
    this.name = where.name;
    this.projects = where.projects;
    this.recordFile = where.recordFile;
  }

  static async open(replicaCount: number): Promise<ClusterSite> {
    const namespace = await TestNamespace.create();
    const token = await documentedServiceAccount(namespace);
    const site = new ClusterSite(namespace, await createTestDatabase(), token, UNMANAGED);
    await Promise.all(site.projects.map((project) => namespace.createStatefulSet(project)));
    await Promise.all(site.projects.map((project) => namespace.ready(`${project}-0`)));
    for (let i = 0; i < replicaCount; i++) await site.addReplica();
    await site.isSeen();
    return site;
  }

  async strike({ kind, replica, seed }: ScheduledFault): Promise<void> {
    const random = seededRandom(seed);
    if (kind === 'deletePod') return this.deletePod(this.where.doomed[replica % this.where.doomed.length]!, random);
    if (kind === 'restartApiServer') return this.restartApiServer(random);
    const struck = this.replicas[replica % this.replicas.length]!;
    return struck.disturb(() => CLUSTER_FAULTS[kind as keyof typeof CLUSTER_FAULTS](struck, random));
  }

  async run(project: string, script: string): Promise<string> {
    const target = { namespace: this.namespace.name, ...this.where.podOf(project) };
    const channel = await new PodExec(this.namespace.client).openChannel(target, ['sh', '-c', script]);
    channel.stderr.resume();
    const output = await text(channel.stdout);
    const end = await channel.ended;
    if (end.kind !== 'exited') throw new Error(`A script in ${project} was cut off.`, { cause: end.cause });
    return output;
  }

  savedRecords(project: string): string {
    return this.saved.get(project) ?? '';
  }

  async close(): Promise<void> {
    await this.stop();
    await this.namespace.remove();
  }

  /** Ends the replicas and drops their database; the namespace stays. */
  protected async stop(): Promise<void> {
    for (const replica of this.replicas) await replica.stop();
    this.derived.remove();
    await this.database.drop();
  }

  protected async addReplica(own: Readonly<Record<string, string>> = {}): Promise<void> {
    const { path } = kubeconfigs()[this.replicas.length % kubeconfigs().length]!;
    const cluster = await FaultyProxy.start(addressOf(path));
    const kubeconfig = this.derived.through(this.derived.withToken(path, this.token), cluster.port);
    const env = {
      ...LOAD_ENV,
      ...own,
      RDEV_RUNTIME: 'kubernetes',
      RDEV_NAMESPACE: this.namespace.name,
      KUBECONFIG: kubeconfig,
    };
    const options = { databaseUrl: this.database.url, adminKey: this.adminKey, env, cluster };
    this.replicas.push(await Replica.start(options));
  }

  /** Waits until every replica sees every project running. */
  protected async isSeen(): Promise<void> {
    for (const { client } of this.replicas)
      for (const project of this.projects) await projectIs(client, project, 'running');
  }

  /**
   * As the replicas would see it: every connection breaks, and for a while there is none. The test cluster runs all of
   * its components as one program, so the API server itself cannot be restarted without its pods.
   */
  private async restartApiServer(random: Random): Promise<void> {
    for (const { cluster } of this.replicas) cluster?.refuse();
    await delay(between(random, 2_000, 5_000));
    for (const { cluster } of this.replicas) cluster?.mend();
  }

  /** What its commands noted is saved before; what they note between the two is not known. */
  private async deletePod(project: string, random: Random): Promise<void> {
    const { pod } = this.where.podOf(project);
    const { metadata } = await this.namespace.ready(pod);
    const loss = { project, at: Date.now(), until: Infinity };
    this.losses.push(loss);
    this.saved.set(
      project,
      this.savedRecords(project) + (await this.run(project, `cat ${this.recordFile} 2>/dev/null; true`)),
    );
    await this.namespace.deletePod(pod, between(random, 0, 1));
    await eventually(async () => (await this.namespace.ready(pod)).metadata?.uid !== metadata?.uid, POD_MS);
    loss.until = Date.now() + NEWS_MS;
  }
}

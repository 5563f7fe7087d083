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

const STEADY = ['steady-1', 'steady-2'];
const DOOMED = ['doomed-1', 'doomed-2'];
const RECORD = '/tmp/chaos-record';
/** The kubelet may take a minute to let go of a pod. */
const POD_MS = 120_000;
/** Until every replica has heard of a new pod. */
const NEWS_MS = 3_000;

/** Replicas on one database, each with a front of its own before the API server, some of which speak v5. */
export class ClusterSite implements Site {
  readonly name = 'cluster';
  readonly projects = [...STEADY, ...DOOMED];
  readonly recordFile = RECORD;
  readonly faultKinds = [...Object.keys(CLUSTER_FAULTS), 'restartApiServer', 'deletePod'];
  readonly replicas: Replica[] = [];
  readonly losses: Loss[] = [];
  private readonly derived = new DerivedKubeconfigs();
  private readonly saved = new Map<string, string>();

  private constructor(
    private readonly namespace: TestNamespace,
    private readonly database: TestDatabase,
  ) {}

  static async open(replicaCount: number): Promise<ClusterSite> {
    const site = new ClusterSite(await TestNamespace.create(), await createTestDatabase());
    const token = await documentedServiceAccount(site.namespace);
    await Promise.all(site.projects.map((project) => site.namespace.createStatefulSet(project)));
    await Promise.all(site.projects.map((project) => site.namespace.ready(`${project}-0`)));
    const adminKey = newKey();
    for (let i = 0; i < replicaCount; i++) await site.addReplica(token, adminKey, i);
    return site;
  }

  async strike({ kind, replica, seed }: ScheduledFault): Promise<void> {
    const random = seededRandom(seed);
    if (kind === 'deletePod') return this.deletePod(DOOMED[replica % DOOMED.length]!, random);
    if (kind === 'restartApiServer') return this.restartApiServer(random);
    const struck = this.replicas[replica % this.replicas.length]!;
    return struck.disturb(() => CLUSTER_FAULTS[kind as keyof typeof CLUSTER_FAULTS](struck, random));
  }

  async run(project: string, script: string): Promise<string> {
    const target = { namespace: this.namespace.name, pod: `${project}-0`, container: 'main' };
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
    for (const replica of this.replicas) await replica.stop();
    this.derived.remove();
    await this.namespace.remove();
    await this.database.drop();
  }

  private async addReplica(token: string, adminKey: string, index: number): Promise<void> {
    const { path } = kubeconfigs()[index % kubeconfigs().length]!;
    const cluster = await FaultyProxy.start(addressOf(path));
    const kubeconfig = this.derived.through(this.derived.withToken(path, token), cluster.port);
    const env = {
      ...LOAD_ENV,
      RDEV_RUNTIME: 'kubernetes',
      RDEV_NAMESPACE: this.namespace.name,
      KUBECONFIG: kubeconfig,
    };
    const replica = await Replica.start({ databaseUrl: this.database.url, adminKey, env, cluster });
    this.replicas.push(replica);
    const isSeen = async (project: string) =>
      (await replica.client.get(`/v1/projects/${project}`)).body?.status === 'running';
    for (const project of this.projects) await eventually(() => isSeen(project));
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
    const pod = `${project}-0`;
    const { metadata } = await this.namespace.ready(pod);
    const loss = { project, at: Date.now(), until: Infinity };
    this.losses.push(loss);
    this.saved.set(project, this.savedRecords(project) + (await this.run(project, `cat ${RECORD} 2>/dev/null; true`)));
    await this.namespace.deletePod(pod, between(random, 0, 1));
    await eventually(async () => (await this.namespace.ready(pod)).metadata?.uid !== metadata?.uid, POD_MS);
    loss.until = Date.now() + NEWS_MS;
  }
}

import { join } from 'node:path';
import { Bootstrap } from '@app/apikeys';
import { loadPolicy } from '@app/policy';
import { type Config, loadConfig } from '@app/config';
import { EmbeddedPostgres } from '@app/embedded-postgres';
import { migrate } from '@app/database';
import { clusterAddress } from '@app/kubernetes';
import { MetricsServer } from '@app/metrics';
import { ProjectRuntime } from '@app/projects';
import { startOpenTelemetry } from '@app/telemetry';
import { clusterOf } from './app.module.js';
import { createApp } from './create-app.js';
import { startFailure } from './start-failure.js';
import { assertPortIsFree } from './port.js';
import { VERSION } from './version.js';
import { outageOf, printWelcome } from './welcome.js';

/** Must be shorter than the 20 s after which this process is killed. */
const STOP_MS = 19_000;
/** Of it, for the database. */
const DATABASE_STOP_MS = 1_000;

async function main(): Promise<void> {
  const config = loadConfig(process.env);
  const policy = await loadPolicy(config.commands.policyFile);
  await assertPortIsFree(config.http, 'PORT');
  await assertPortIsFree(config.metrics, 'METRICS_PORT');
  const cluster = config.runtime === 'kubernetes' ? await clusterAddress(clusterOf(config)) : null;
  const database = await openDatabase(config);
  try {
    // Not through a pooler: the migration lock belongs to a session.
    const { ownerUrl } = database;
    await (ownerUrl === null
      ? migrate(config.database.directUrl ?? database.url)
      : migrate(ownerUrl, { apiUrl: database.url }));
    const app = await createApp(config, database.url, policy);
    const readMetrics = (): ReturnType<MetricsServer['read']> => app.get(MetricsServer).read();
    const telemetry = await startOpenTelemetry(config.openTelemetry, { version: VERSION, readMetrics });
    const keyFile = config.kubernetes.inCluster ? null : join(config.dataDir, 'admin.key');
    const adminKeyFile = await app.get(Bootstrap).ensureAdminKey({ adminKey: config.adminKey, keyFile });
    await app.listen(config.http.port, config.http.host);
    stopOnSignals(async (deadline) => {
      await app.close();
      await telemetry.stop(deadline - DATABASE_STOP_MS - performance.now());
      await database.stop();
    });
    if (!config.kubernetes.inCluster) {
      const url = config.http.publicUrl ?? (await app.getUrl());
      const outage = await outageOf(app.get(ProjectRuntime, { strict: false }));
      await printWelcome({ url, keyFile: adminKeyFile, cluster, outage }, config);
    }
  } catch (error) {
    await database.stop();
    throw error;
  }
}

interface OpenDatabase {
  readonly url: string;
  /** For migrations; null: the same role. */
  readonly ownerUrl: string | null;
  stop(): Promise<void>;
}

async function openDatabase({ database, dataDir }: Config): Promise<OpenDatabase> {
  const { url, ownerUrl } = database;
  if (url !== null) return { url, ownerUrl, stop: () => Promise.resolve() };
  const server = await EmbeddedPostgres.start({ dir: join(dataDir, 'postgres') });
  return { url: server.apiUrl, ownerUrl: server.url, stop: () => server.stop() };
}

/** @param stop receives the time, as of `performance.now()`, at which the process is ended */
function stopOnSignals(stop: (deadline: number) => Promise<void>): void {
  let stopping = false;
  const onSignal = (): void => {
    if (stopping) return;
    stopping = true;
    // Shutdown hooks get a bounded time.
    setTimeout(() => {
      console.error(`rdev did not stop within ${String(STOP_MS / 1_000)} s.`);
      process.exit(1);
    }, STOP_MS).unref();
    stop(performance.now() + STOP_MS).then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(startFailure(error));
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onSignal);
}

main().catch((error: unknown) => {
  console.error(startFailure(error));
  process.exit(1);
});

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createProject, createTestDatabase, newKey, seededRandom } from '../support/index.js';
import { killProcessesOf } from '../support/processes.js';
import { LOCAL_FAULTS } from './faults.js';
import { LOAD_ENV, Replica } from './replica.js';
import type { Site } from './site.js';

const run = promisify(execFile);
const PROJECTS = 4;

/** Replicas on one database and one data directory of this machine. */
export async function localSite(replicaCount: number): Promise<Site> {
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'rdev-chaos-'));
  const options = { databaseUrl: database.url, adminKey: newKey(), dataDir, env: LOAD_ENV };
  const replicas: Replica[] = [];
  for (let i = 0; i < replicaCount; i++) replicas.push(await Replica.start(options));
  const projects: string[] = [];
  for (let i = 0; i < PROJECTS; i++) projects.push(await createProject(replicas[0]!.client));
  return {
    name: 'local',
    projects,
    recordFile: 'record',
    replicas,
    faultKinds: Object.keys(LOCAL_FAULTS),
    losses: [],
    strike: ({ kind, replica, seed }) => {
      const struck = replicas[replica % replicas.length]!;
      return struck.disturb(() => LOCAL_FAULTS[kind as keyof typeof LOCAL_FAULTS](struck, seededRandom(seed)));
    },
    run: async (project, script) => {
      const options = { cwd: join(dataDir, 'projects', project), maxBuffer: 2 ** 26 };
      return (await run('sh', ['-c', script], options)).stdout;
    },
    savedRecords: () => '',
    close: async () => {
      for (const replica of replicas) await replica.stop();
      await killProcessesOf(dataDir);
      await rm(dataDir, { recursive: true, force: true, maxRetries: 10 });
      await database.drop();
    },
  };
}

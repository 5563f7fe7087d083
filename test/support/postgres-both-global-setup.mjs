import { startTestServer } from './test-server.mjs';

/** The server of TEST_POSTGRES_BIN, on which the suite runs, and beside it the embedded one as NEWEST_…. */
export default async function setUp() {
  if (!process.env.TEST_POSTGRES_BIN) throw new Error('TEST_POSTGRES_BIN names no binaries of PostgreSQL.');
  const servers = [await startTestServer()];
  globalThis.stopTestServer = () => Promise.all(servers.map((server) => server.stop()));
  try {
    servers.push(await startTestServer({}));
  } catch (error) {
    await servers[0].stop();
    throw error;
  }
  const [other, newest] = servers.map(({ env }) => Object.entries(env));
  Object.assign(
    process.env,
    Object.fromEntries([...other, ...newest.map(([name, value]) => [`NEWEST_${name}`, value])]),
  );
}

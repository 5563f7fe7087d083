import { startTestServer } from './test-server.mjs';

/** Workers inherit the environment. */
export default async function setUp() {
  const server = await startTestServer();
  Object.assign(process.env, server.env);
  globalThis.stopTestServer = server.stop;
}

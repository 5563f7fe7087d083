import { randomBytes } from 'node:crypto';
import type { HttpClient, TestResponse } from './http-client.js';

const WAIT_SECONDS = 60;

/** A project of its own for one test; answers its id. */
export async function createProject(client: HttpClient, body: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const id = `p-${randomBytes(6).toString('hex')}`;
  expectStatus(await client.post('/v1/projects', { id, ...body }), 201);
  return id;
}

/** Starts a command and answers it as it is then. A text is the script of a `shell` command. */
export async function startCommand(
  client: HttpClient,
  projectId: string,
  command: string | Readonly<Record<string, unknown>>,
): Promise<any> {
  const body = typeof command === 'string' ? { type: 'shell', script: command } : { type: 'shell', ...command };
  return expectStatus(await client.post(`/v1/projects/${projectId}/commands`, body), 202).body;
}

/** Starts a command and answers it when it has ended. */
export async function runCommand(
  client: HttpClient,
  projectId: string,
  command: string | Readonly<Record<string, unknown>>,
): Promise<any> {
  const { id } = await startCommand(client, projectId, command);
  return ended(client, id);
}

/** The command, once it has ended. */
export async function ended(client: HttpClient, id: string, seconds = WAIT_SECONDS): Promise<any> {
  const { body } = expectStatus(await client.get(`/v1/commands/${id}/wait?timeoutSeconds=${seconds}`), 200);
  if (body.result === null) throw new Error(`${id} has not ended within ${seconds} s; it is ${body.status}.`);
  return body;
}

export async function outputOf(
  client: HttpClient,
  id: string,
  stream: 'stdout' | 'stderr' = 'stdout',
): Promise<Buffer> {
  const { status, bytes, isWhole } = await client.bytes(`/v1/commands/${id}/output?stream=${stream}`);
  if (status !== 200 || !isWhole) throw new Error(`The output was not answered: ${status} ${bytes.toString()}`);
  return bytes;
}

/** Runs a command and answers its stdout as text; throws unless it succeeded. */
export async function textOf(
  client: HttpClient,
  projectId: string,
  command: string | Readonly<Record<string, unknown>>,
): Promise<string> {
  const { id, status, result } = await runCommand(client, projectId, command);
  const stdout = (await outputOf(client, id)).toString();
  if (status === 'succeeded') return stdout;
  const stderr = (await outputOf(client, id, 'stderr')).toString();
  throw new Error(`It ended ${status}: ${JSON.stringify(result)}\n${stdout}${stderr}`);
}

/** Throws, with what was answered, unless the status is that. */
export function expectStatus(response: TestResponse, status: number): TestResponse {
  if (response.status === status) return response;
  throw new Error(`The answer is ${response.status} instead of ${status}: ${response.text}`);
}

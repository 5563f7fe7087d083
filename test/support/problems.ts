import type { TestResponse } from './http-client.js';

/** What must never reach a client: stacks, SQL, modules and directories of the server. */
const LEAK =
  /\bat \S+ \(|node:internal|\bSELECT\b|\bINSERT\b|\bUPDATE commands\b|node_modules|dist\/|\/libs\/|ECONN|\/tmp\/|postgres:/;

/** The answer must be this problem, whole and without leaks; answers its body. @see RFC 9457 */
export function expectProblem(response: TestResponse, status: number, code: string): any {
  const { headers, body, text } = response;
  expect({ status: response.status, code: body?.code, text }).toEqual({ status, code, text });
  expect(headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(body).toMatchObject({
    type: `urn:rdev:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title: expect.stringMatching(/^[A-Z]/),
    status,
    detail: expect.stringMatching(/./),
    instance: expect.stringMatching(/^(https:\/\/[^/]+)?\//), // the whole URL, if rdev knows it
    requestId: expect.stringMatching(/./),
    retryable: expect.any(Boolean),
  });
  expect(body.requestId).toBe(headers['x-request-id']);
  expect(text).not.toMatch(LEAK);
  if (status === 401) expect(headers['www-authenticate']).toMatch(/^Bearer/);
  if (status === 429 || status === 503) expect(headers['retry-after']).toMatch(/^[1-9]\d*$/);
  return body;
}

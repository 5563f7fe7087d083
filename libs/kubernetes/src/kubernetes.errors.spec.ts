import { endFromStatus } from './exec-status.js';
import { ClusterUnavailable, KubernetesApiError, errorFromResponse, errorFromFailure } from './kubernetes.errors.js';

describe('errors of the Kubernetes API', () => {
  test('a refusal keeps its status, reason and message', () => {
    const body = JSON.stringify({ kind: 'Status', reason: 'NotFound', message: 'pods "a" not found', code: 404 });
    expect(errorFromResponse(404, body)).toMatchObject({
      status: 404,
      reason: 'NotFound',
      message: 'pods "a" not found',
    });
  });

  test.each([401, 429, 500, 502, 503, 504])('%i means that the cluster is unavailable', (status) => {
    expect(errorFromResponse(status, 'upstream connect error')).toMatchObject({
      code: 'CLUSTER_UNAVAILABLE',
      retryable: true,
      message: 'The Kubernetes API is unavailable.',
      cause: expect.any(KubernetesApiError) as unknown,
    });
  });

  test('a failure keeps only its text, without tokens', () => {
    const token = 'eyJhbGciOi.eyJpc3MiOi.c2lnbmF0dXJl';
    const failure = Object.assign(new Error(`refused: Authorization: Bearer ${token}, ${token}`), {
      request: { token },
    });
    const error = errorFromFailure(failure);
    expect(error).toBeInstanceOf(ClusterUnavailable);
    expect(JSON.stringify(Object.entries(error)) + (error.cause as Error).message).not.toContain('eyJ');
    expect(error.cause).not.toHaveProperty('request');
  });
});

describe('the status of an exec', () => {
  const failure = (causes: object[], message = 'words') =>
    JSON.stringify({ status: 'Failure', message, details: { causes } });

  test.each([
    ['success', '{"metadata":{},"status":"Success"}', 0],
    ['an exit code', failure([{ reason: 'Other' }, { reason: 'ExitCode', message: '137' }]), 137],
  ])('reads %s', (_what, frame, code) => {
    expect(endFromStatus(frame)).toEqual({ kind: 'exited', code });
  });

  test.each([
    ['a failure without a code', failure([])],
    ['a code that is no number', failure([{ reason: 'ExitCode', message: '1x' }])],
    ['garbage', 'oops'],
    ['nothing', ''],
    ['null', 'null'],
  ])('believes no code in %s', (_what, frame) => {
    expect(endFromStatus(frame)).toMatchObject({ kind: 'dropped' });
  });

  test('keeps the message', () => {
    expect(endFromStatus(failure([], 'no such file'))).toMatchObject({ cause: { message: 'no such file' } });
  });
});

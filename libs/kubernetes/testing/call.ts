import {
  type ApiType,
  type Configuration,
  type RequestContext,
  ResponseContext,
  ServerConfiguration,
  createConfiguration,
  wrapHttpLibrary,
} from '@kubernetes/client-node';
import type { KubernetesClient } from '../src/index.js';
import { errorFromResponse } from '../src/kubernetes.errors.js';
import { readText } from '../src/kubernetes-transport.js';

const TIMEOUT_MS = 10_000;

/**
 * Calls one of client-node's typed APIs with our client's credentials:
 * `call(client, CoreV1Api, (core) => core.listNamespacedPod({ namespace }))`.
 * @throws ClusterUnavailable, KubernetesApiError
 */
export function call<A extends ApiType, T>(
  client: KubernetesClient,
  Api: new (configuration: Configuration) => A,
  operation: (api: A) => Promise<T>,
): Promise<T> {
  const configuration = createConfiguration({
    baseServer: new ServerConfiguration(client.transport.server, {}),
    httpApi: wrapHttpLibrary({ send: (request) => send(client, request) }),
  });
  return operation(new Api(configuration));
}

async function send({ transport }: KubernetesClient, request: RequestContext): Promise<ResponseContext> {
  const body = request.getBody();
  const response = await transport.send({
    method: request.getHttpMethod(),
    path: request.getUrl().slice(transport.server.length),
    headers: request.getHeaders(),
    ...(typeof body === 'string' && { body }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await readText(response);
  const status = response.statusCode ?? 0;
  if (status < 200 || status > 299) throw errorFromResponse(status, text);
  const headers = { 'content-type': response.headers['content-type'] ?? 'application/json' };
  const bytes = () => Promise.resolve(Buffer.from(text));
  return new ResponseContext(status, headers, { text: () => Promise.resolve(text), binary: bytes, stream: () => null });
}

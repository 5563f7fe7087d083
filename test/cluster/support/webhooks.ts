import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { call } from '@app/kubernetes/testing';
import { type KubernetesObject, KubernetesObjectApi } from '@kubernetes/client-node';
import { CertificateAuthority } from '../../support/index.js';
import type { TestNamespace } from './test-cluster.js';

const LABELS = { app: 'webhooks' };
const PORT = 8443;

/** What a webhook is called for, and by which path it is answered. */
export interface Webhook {
  readonly kind: 'MutatingWebhookConfiguration' | 'ValidatingWebhookConfiguration';
  readonly path: '/first' | '/refuse';
  readonly rule: { readonly apiGroups: string[]; readonly apiVersions: string[]; readonly resources: string[] };
}

/** Admission webhooks of a test, which the API server calls for objects with one label only. */
export class Webhooks {
  private readonly ca = new CertificateAuthority();
  private readonly host: string;

  constructor(private readonly namespace: TestNamespace) {
    this.host = `webhooks.${namespace.name}.svc`;
  }

  /** The label of the objects that they see. */
  get label(): Readonly<Record<string, string>> {
    return { 'rdev-test': this.namespace.name };
  }

  /** @param image one that has Node.js */
  async serve(image: string): Promise<void> {
    const { certificate, key } = this.ca.issue(this.host);
    const metadata = { name: 'webhooks', namespace: this.namespace.name };
    const stringData = { 'tls.crt': certificate, 'tls.key': key };
    await this.namespace.apply({ apiVersion: 'v1', kind: 'Secret', metadata, stringData });
    const ports = [{ port: 443, targetPort: PORT }];
    await this.namespace.apply({ apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: LABELS, ports } });
    const script = readFileSync(join(__dirname, 'webhook-server.cjs'), 'utf8');
    const container = {
      name: 'main',
      image,
      imagePullPolicy: 'IfNotPresent',
      command: ['node', '--eval', script],
      readinessProbe: { tcpSocket: { port: PORT }, periodSeconds: 1 },
      volumeMounts: [{ name: 'tls', mountPath: '/tls' }],
    };
    const volumes = [{ name: 'tls', secret: { secretName: 'webhooks' } }];
    await this.namespace.createPod('webhooks', LABELS, { containers: [container], volumes });
  }

  /** Has the API server call it while something is done. */
  async during<T>({ kind, path, rule }: Webhook, task: () => Promise<T>): Promise<T> {
    const { name: namespace } = this.namespace;
    const configuration = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind,
      metadata: { name: `${namespace}${path.replace('/', '-')}` },
      webhooks: [
        {
          name: 'webhooks.rdev.test',
          clientConfig: {
            service: { namespace, name: 'webhooks', path },
            caBundle: Buffer.from(this.ca.certificate).toString('base64'),
          },
          rules: [{ ...rule, operations: ['CREATE', 'UPDATE'] }],
          objectSelector: { matchLabels: this.label },
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          failurePolicy: 'Fail',
        },
      ],
    };
    await this.namespace.apply(configuration);
    try {
      return await task();
    } finally {
      await call(this.namespace.client, KubernetesObjectApi, (api) => api.delete(configuration as KubernetesObject));
    }
  }
}

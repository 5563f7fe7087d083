import { randomBytes } from 'node:crypto';
import type { CertificateAuthority } from '../../support/index.js';
import type { TestNamespace } from './test-cluster.js';

const SCRIPT = `set -eu
initdb --pgdata=/data/db --username=postgres --encoding=UTF8 --locale=C --no-sync
single() { postgres --single -D /data/db postgres > /dev/null; }
echo "CREATE ROLE rdev LOGIN PASSWORD '$PASSWORD'" | single
echo 'CREATE DATABASE rdev OWNER rdev' | single
exec postgres -D /data/db -c listen_addresses='*' -c unix_socket_directories=/tmp -c hba_file=/tls/pg_hba.conf \\
  -c ssl=on -c ssl_cert_file=/tls/tls.crt -c ssl_key_file=/tls/tls.key`;
const LABELS = { app: 'postgres' };
const RESTRICTED = {
  runAsNonRoot: true,
  runAsUser: 999,
  runAsGroup: 999,
  fsGroup: 999,
  seccompProfile: { type: 'RuntimeDefault' },
};

/** A PostgreSQL outside the release, as the one of a platform team: it takes connections over TLS only. */
export class TlsPostgres {
  readonly password = randomBytes(12).toString('hex');
  /** The host that its certificate is for. */
  readonly host: string;
  /** Another host of the same server, which its certificate is not for. */
  readonly otherHost: string;

  constructor(
    private readonly namespace: TestNamespace,
    private readonly ca: CertificateAuthority,
  ) {
    this.host = `postgres.${namespace.name}.svc`;
    this.otherHost = `other.${namespace.name}.svc`;
  }

  url(host = this.host): string {
    return `postgres://rdev:${this.password}@${host}:5432/rdev`;
  }

  async start(image: string): Promise<void> {
    const { certificate, key } = this.ca.issue(this.host);
    const hba = 'local all all trust\nhostssl all all all scram-sha-256\n';
    const stringData = { 'tls.crt': certificate, 'tls.key': key, 'pg_hba.conf': hba };
    await this.apply('Secret', 'tls', { stringData });
    for (const name of ['postgres', 'other']) {
      await this.apply('Service', name, { spec: { selector: LABELS, ports: [{ port: 5432 }] } });
    }
    const container = {
      name: 'postgres',
      image,
      imagePullPolicy: 'IfNotPresent',
      command: ['sh', '-c', SCRIPT],
      env: [{ name: 'PASSWORD', value: this.password }],
      readinessProbe: { tcpSocket: { port: 5432 }, periodSeconds: 1 },
      volumeMounts: [
        { name: 'tls', mountPath: '/tls' },
        { name: 'data', mountPath: '/data' },
      ],
    };
    // PostgreSQL takes a key that its group may read if root owns it.
    const volumes = [
      { name: 'tls', secret: { secretName: 'tls', defaultMode: 0o640 } },
      { name: 'data', emptyDir: {} },
    ];
    const spec = { securityContext: RESTRICTED, containers: [container], volumes };
    await this.namespace.createPod('postgres', LABELS, spec);
  }

  private apply(kind: string, name: string, object: object): Promise<void> {
    const metadata = { name, namespace: this.namespace.name };
    return this.namespace.apply({ apiVersion: 'v1', kind, metadata, ...object });
  }
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@app/config';
import { EmbeddedPostgres } from '@app/embedded-postgres';
import { ServerUser, dataDirectory, findPrograms } from '@app/embedded-postgres/testing';
import { DataSource } from 'typeorm';
import { CertificateAuthority } from '../../../test/support/certificates.js';
import { dataSourceOptions } from './data-source.js';
import { outageMessage } from './errors.js';
import { migrate } from './migrate.js';

type Settings = Readonly<Record<string, string>>;

const urlOf = (environment: Settings): string => loadConfig(environment).database.url ?? '';

/** Connects as the API does, and returns whether the session is encrypted. */
async function connect(environment: Settings): Promise<boolean> {
  const source = await new DataSource(dataSourceOptions(urlOf(environment))).initialize();
  try {
    const [row] = await source.query<[{ ssl: boolean }]>('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
    return row.ssl;
  } finally {
    await source.destroy();
  }
}

describe('TLS with PostgreSQL', () => {
  const server = process.env.TEST_DATABASE_URL ?? '';
  let directory: string;
  let ca: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rdev-ca-'));
    ca = join(directory, 'ca.crt');
    await writeFile(ca, new CertificateAuthority().certificate);
  });
  afterAll(() => rm(directory, { recursive: true }));

  // The server of the tests has no certificate.
  it.each([
    ['a mode', () => ({ POSTGRES_SSLMODE: 'require' })],
    ['a CA', () => ({ POSTGRES_CA_FILE: ca })],
    ['both', () => ({ POSTGRES_CA_FILE: ca, POSTGRES_SSLMODE: 'verify-ca' })],
  ])('is required by %s', async (_how, tls) => {
    const refused: unknown = await connect({ DATABASE_URL: server, ...tls() }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ message: 'The server does not support SSL connections' });
    expect(outageMessage(refused)).toBe('The database does not support TLS.');
  });

  it('is not used where it is disabled', async () => {
    expect(await connect({ DATABASE_URL: server, POSTGRES_CA_FILE: ca, POSTGRES_SSLMODE: 'disable' })).toBe(false);
  });

  it('identifies the file that cannot be read', async () => {
    await expect(connect({ DATABASE_URL: server, POSTGRES_CA_FILE: '/nowhere/ca.crt' })).rejects.toThrow(
      '/nowhere/ca.crt',
    );
  });
});

describe('a PostgreSQL that accepts only TLS', () => {
  /** The server listens on 127.0.0.1, which a certificate for this name does not cover. */
  const NAME = 'localhost';
  let directory: string;
  let server: EmbeddedPostgres;
  const file = (name: string): string => join(directory, name);

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rdev-tls-'));
    const ca = new CertificateAuthority();
    server = await startWithTls(directory, ca.issue(NAME));
    await writeFile(file('ca.crt'), ca.certificate);
    await writeFile(file('other.crt'), new CertificateAuthority('another test CA').certificate);
  });
  afterAll(async () => {
    await server.stop();
    await rm(directory, { recursive: true });
  });

  /** The same server in both forms of the configuration. */
  const forms: [string, (host: string) => Settings][] = [
    ['DATABASE_URL', (host) => ({ DATABASE_URL: server.url.replace('127.0.0.1', host) })],
    [
      'POSTGRES_*',
      (host) => {
        const { port, username, password, pathname } = new URL(server.url);
        const POSTGRES_DB = pathname.slice(1);
        return {
          POSTGRES_HOST: host,
          POSTGRES_PORT: port,
          POSTGRES_USER: username,
          POSTGRES_PASSWORD: password,
          POSTGRES_DB,
        };
      },
    ],
  ];

  describe.each(forms)('given by %s', (_form, settingsOf) => {
    const refusal = async (host: string, tls: Settings): Promise<string> => {
      const error: unknown = await connect({ ...settingsOf(host), ...tls }).then(
        () => new Error('It connected.'),
        (cause: unknown) => cause,
      );
      return `${outageMessage(error)} ${(error as Error).message}`;
    };

    it('is verified with its CA, by its name', async () => {
      expect(await connect({ ...settingsOf(NAME), POSTGRES_CA_FILE: file('ca.crt') })).toBe(true);
    });

    it('is refused with another CA, and with none', async () => {
      const untrusted = /^The certificate of the database is not trusted\. /;
      expect(await refusal(NAME, { POSTGRES_CA_FILE: file('other.crt') })).toMatch(untrusted);
      expect(await refusal(NAME, { POSTGRES_SSLMODE: 'verify-full' })).toMatch(untrusted);
      expect(
        await refusal('127.0.0.1', { POSTGRES_CA_FILE: file('other.crt'), POSTGRES_SSLMODE: 'verify-ca' }),
      ).toMatch(untrusted);
    });

    it('is refused under another name, unless only the CA is verified', async () => {
      const tls = { POSTGRES_CA_FILE: file('ca.crt') };
      expect(await refusal('127.0.0.1', tls)).toMatch(
        /^The certificate of the database is for another host name\. .*127\.0\.0\.1/,
      );
      expect(await connect({ ...settingsOf('127.0.0.1'), ...tls, POSTGRES_SSLMODE: 'verify-ca' })).toBe(true);
      expect(await connect({ ...settingsOf('127.0.0.1'), POSTGRES_SSLMODE: 'require' })).toBe(true);
    });

    it('refuses a connection without TLS', async () => {
      expect(await refusal(NAME, {})).toMatch(/no pg_hba.conf entry for host .*no encryption/);
    });
  });

  it('is migrated over TLS', async () => {
    await migrate(urlOf({ DATABASE_URL: server.url.replace('127.0.0.1', NAME), POSTGRES_CA_FILE: file('ca.crt') }));
  });
});

/** The embedded server, where only its owner may connect without TLS. */
async function startWithTls(dir: string, { certificate, key }: { certificate: string; key: string }) {
  const user = await ServerUser.choose(dir, dataDirectory(dir), await findPrograms());
  const files = {
    ssl_cert_file: certificate,
    ssl_key_file: key,
    hba_file: 'host postgres postgres all scram-sha-256\nhostssl all rdev all scram-sha-256\n',
  };
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(dir, name), content, { mode: 0o600 });
    await user.own(join(dir, name));
  }
  const paths = Object.fromEntries(Object.keys(files).map((name) => [name, join(dir, name)]));
  return EmbeddedPostgres.start({ dir, flags: { fsync: 'off', ssl: 'on', ...paths } });
}

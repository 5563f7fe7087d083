import { InvalidConfiguration, loadConfig } from './config.js';

describe('loadConfig', () => {
  it('needs no variables: a laptop gets the local runtime and an embedded database', () => {
    const config = loadConfig({});
    expect(config.runtime).toBe('local');
    expect(config.database).toEqual({ url: null, directUrl: null, ownerUrl: null });
    expect(config.http).toEqual({
      port: 8080,
      host: '127.0.0.1',
      trustProxy: 0,
      rateLimitRps: 10,
      streamsPerKeyMax: 200,
      corsOrigins: [],
      publicUrl: null,
    });
  });

  it('chooses the kubernetes runtime and the cluster database inside a cluster', () => {
    const config = loadConfig({ KUBERNETES_SERVICE_HOST: '10.0.0.1', HOST: '0.0.0.0', POSTGRES_PASSWORD: 'p@ss/word' });
    expect(config.runtime).toBe('kubernetes');
    expect(config.database.url).toBe('postgres://rdev:p%40ss%2Fword@postgres.databases.svc:5432/rdev');
  });

  it('adds TLS to each URL that does not specify it', () => {
    const urls = (more: Record<string, string>) => {
      const { url, directUrl } = loadConfig({ DATABASE_URL: 'postgres://u:p%40@db:6432/x', ...more }).database;
      return [url, directUrl];
    };
    const withCa = '?sslmode=verify-full&uselibpqcompat=true&sslrootcert=%2Fca.crt';
    const direct = { DATABASE_DIRECT_URL: 'postgres://u@db/x?sslmode=disable' };
    expect(urls({ POSTGRES_CA_FILE: '/ca.crt', ...direct })).toEqual([
      `postgres://u:p%40@db:6432/x${withCa}`,
      'postgres://u@db/x?sslmode=disable',
    ]);
    expect(urls({ POSTGRES_SSLMODE: 'require' })[0]).toContain('x?sslmode=require&');
    expect(loadConfig({ POSTGRES_HOST: 'db', POSTGRES_CA_FILE: '/ca.crt' }).database.url).toContain(withCa);
    expect(urls({})[0]).toBe('postgres://u:p%40@db:6432/x');
  });

  it('has a second URL for the owner of the tables, with the same TLS, or the parts of one', () => {
    const owner = (env: Record<string, string>) =>
      loadConfig({ POSTGRES_CA_FILE: '/ca.crt', ...env }).database.ownerUrl;
    const tls = '?sslmode=verify-full&uselibpqcompat=true&sslrootcert=%2Fca.crt';
    const DATABASE_OWNER_URL = 'postgres://owner:p@db/x';
    expect(owner({ DATABASE_URL: 'postgres://u@db/x', DATABASE_OWNER_URL })).toBe(DATABASE_OWNER_URL + tls);
    const parts = { POSTGRES_OWNER_USER: 'owner', POSTGRES_OWNER_PASSWORD: 'p@ss' };
    expect(owner({ POSTGRES_HOST: 'db', ...parts })).toBe(`postgres://owner:p%40ss@db:5432/rdev${tls}`);
    expect(owner({ POSTGRES_HOST: 'db' })).toBeNull();
    expect(owner({ DATABASE_URL: 'postgres://u@db/x', ...parts })).toBeNull();
    expect(() => loadConfig({ DATABASE_OWNER_URL })).toThrow(/DATABASE_OWNER_URL needs DATABASE_URL/);
  });

  it('parses the settings of project pods as JSON, and refuses other formats', () => {
    const given = {
      RDEV_PROJECT_NODE_SELECTOR: '{"pool":"a"}',
      RDEV_PROJECT_TOLERATIONS: '[{"key":"a","operator":"Exists"}]',
      RDEV_PROJECT_DNS_EGRESS: '[{"ports":[{"port":5353}]}]',
    };
    expect(loadConfig(given).projects.pod).toMatchObject({
      nodeSelector: { pool: 'a' },
      tolerations: [{ key: 'a', operator: 'Exists' }],
      labels: {},
      dnsEgress: [{ ports: [{ port: 5353 }] }],
    });
    const bad = {
      RDEV_PROJECT_NODE_SELECTOR: '{"pool":1}',
      RDEV_PROJECT_LABELS: 'a=b',
      RDEV_PROJECT_ANNOTATIONS: '["a"]',
      RDEV_PROJECT_TOLERATIONS: '[{"keys":"a"}]',
      RDEV_PROJECT_DNS_EGRESS: '[{"from":[]}]',
      RDEV_PROJECT_RUNTIME_CLASS: 'G_Visor',
    };
    for (const [name, value] of Object.entries(bad)) expect(() => loadConfig({ [name]: value })).toThrow(name);
  });

  it('parses the user of project pods, or none if the cluster assigns it', () => {
    const user = (RDEV_PROJECT_USER?: string): unknown =>
      loadConfig(RDEV_PROJECT_USER === undefined ? {} : { RDEV_PROJECT_USER }).projects.pod.user;
    expect([user(), user('2000'), user('none')]).toEqual([1000, 2000, null]);
    for (const bad of ['0', '-1', 'root', 'null']) expect(() => user(bad)).toThrow('RDEV_PROJECT_USER');
  });

  it('does not use a cluster just because a kubeconfig exists', () => {
    expect(loadConfig({ KUBECONFIG: '/somewhere' }).runtime).toBe('local');
  });

  it('names every invalid variable together and shows no value', () => {
    const bad = { PORT: 'secret-a', DATABASE_URL: 'secret-b', RDEV_RUNTIME: 'secret-c', TRUST_PROXY: 'secret-d' };
    expect(() => loadConfig(bad)).toThrow(InvalidConfiguration);
    try {
      loadConfig(bad);
    } catch (error) {
      const { message } = error as Error;
      for (const name of Object.keys(bad)) expect(message).toContain(name);
      expect(message).not.toContain('secret-');
    }
  });

  it('refuses what the exporters of OpenTelemetry would ignore silently, if they are used', () => {
    const wrong = {
      OTEL_EXPORTER_OTLP_TIMEOUT: 'abc',
      OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'zip',
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: 's3cret',
      OTEL_EXPORTER_OTLP_CLIENT_KEY: '/nope/s3cret',
    };
    expect(loadConfig(wrong).openTelemetry).toBeNull();
    const load = () => loadConfig({ ...wrong, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' });
    for (const name of Object.keys(wrong)) expect(load).toThrow(new RegExp(`${name} must be `));
    expect(load).not.toThrow(/s3cret/);
    expect(load).not.toThrow(/_ENDPOINT/);
  });

  it.each(['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_RESOURCE_ATTRIBUTES'])(
    'refuses pairs that the SDK would drop because of one, and says so once: %s',
    (name) => {
      const load = () => loadConfig({ [name]: 'a=%zz,b=c', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' });
      expect(load).toThrow(new RegExp(`${name} must be pairs`));
      expect(load).not.toThrow(new RegExp(`${name}[^]*${name}`));
      expect(() => loadConfig({ [name]: 'a=%20%2C,b=c' })).not.toThrow();
    },
  );

  it.each([
    ['TIMEOUT', '300'],
    ['COMPRESSION', 'gzip'],
    ['HEADERS', 'a=b,c=d'],
    ['CERTIFICATE', __filename],
  ])('accepts what they understand: %s', (suffix, value) => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', [`OTEL_EXPORTER_OTLP_${suffix}`]: value };
    expect(loadConfig(env).openTelemetry).not.toBeNull();
  });

  it('keeps the local runtime on loopback', () => {
    expect(() => loadConfig({ HOST: '0.0.0.0' })).toThrow(/HOST/);
  });

  it('treats an empty variable as absent', () => {
    expect(loadConfig({ PORT: '', DATABASE_URL: '' }).http.port).toBe(8080);
  });

  it.each([
    [undefined, null],
    ['https://example.com', 'https://example.com'],
    ['https://example.com:8443/rdev/', 'https://example.com:8443/rdev'],
    ['http://[::1]:8080/a/b', 'http://[::1]:8080/a/b'],
  ])('is reached at %s', (RDEV_PUBLIC_URL, publicUrl) => {
    expect(loadConfig({ RDEV_PUBLIC_URL }).http.publicUrl).toBe(publicUrl);
  });

  it.each(['/rdev', 'example.com/rdev', 'ftp://x', 'https://x/?a', 'https://x/#a', 'https://a:b@x', 'https://x/ y'])(
    'is not reached at %s',
    (RDEV_PUBLIC_URL) => {
      expect(() => loadConfig({ RDEV_PUBLIC_URL })).toThrow(/RDEV_PUBLIC_URL/);
    },
  );

  it.each(['public', 'public:443,10.1.0.0/16:5432', '[2001:db8::/32]:443', 'none'])(
    'accepts the egress that a request may specify: %s',
    (RDEV_PROJECT_EGRESS) => {
      expect(() => loadConfig({ RDEV_PROJECT_EGRESS })).not.toThrow();
    },
  );

  it.each(['public:99999', 'public:0', '10.1.0.0/16:70000', '10.1.0.0', '10.1.0.0/33', '[10.1.0.0/16]:1', 'private'])(
    'refuses egress that no request may specify, instead of leaving projects pending: %s',
    (RDEV_PROJECT_EGRESS) => {
      expect(() => loadConfig({ RDEV_PROJECT_EGRESS })).toThrow(/RDEV_PROJECT_EGRESS must be address blocks/);
    },
  );

  it.each(['1', '10.0.0.0/8, fd00::/8', '192.0.2.1'])('trusts proxies given as %s', (TRUST_PROXY) => {
    expect(() => loadConfig({ TRUST_PROXY })).not.toThrow();
  });

  it.each(['-1', '1.5', '100', 'loopback', '10.0.0.0/33', '10.0.0.0/8,', '0.0.0.0/0', '::/0', 'true'])(
    'does not trust proxies given as %s',
    (TRUST_PROXY) => {
      expect(() => loadConfig({ TRUST_PROXY })).toThrow(/TRUST_PROXY/);
    },
  );

  it('accepts exact origins', () => {
    const { corsOrigins } = loadConfig({ CORS_ORIGINS: 'https://app.example, http://localhost:3000' }).http;
    expect(corsOrigins).toEqual(['https://app.example', 'http://localhost:3000']);
  });

  it.each([
    '*',
    'null',
    'app.example',
    'https://*.example',
    'https://app.example/',
    'https://app.example:443',
    'https://App.example',
    'https://u@app.example',
    'ftp://app.example',
    'https://app.example,',
  ])('refuses %s as an origin', (CORS_ORIGINS) => {
    expect(() => loadConfig({ CORS_ORIGINS })).toThrow(/CORS_ORIGINS/);
  });

  it('passes three variables to commands on the local runtime', () => {
    const { localEnvironment } = loadConfig({
      PATH: '/bin',
      HOME: '/home/me',
      LANG: 'C',
      DATABASE_URL: 'postgres://x/y',
    });
    expect(localEnvironment).toEqual({ PATH: '/bin', HOME: '/home/me', LANG: 'C' });
    const npm = { npm_package_json: '/package.json', npm_lifecycle_event: 'start', NODE: '/node' };
    expect(loadConfig({ ...npm, PATH: '/node_modules/.bin:/npm/node-gyp-bin:/bin' }).localEnvironment).toEqual({
      PATH: '/bin',
    });
  });
});

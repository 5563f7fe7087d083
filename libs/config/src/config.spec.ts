import { InvalidConfiguration, loadConfig } from './config.js';

describe('loadConfig', () => {
  it('needs nothing: a laptop gets the local runtime and an embedded database', () => {
    const config = loadConfig({});
    expect(config.runtime).toBe('local');
    expect(config.database).toEqual({ url: null, directUrl: null });
    expect(config.http).toEqual({
      port: 8080,
      host: '127.0.0.1',
      trustProxy: 0,
      rateLimitRps: 10,
      streamsPerKeyMax: 200,
      corsOrigins: [],
    });
  });

  it('takes the kubernetes runtime and the cluster database inside a cluster', () => {
    const config = loadConfig({ KUBERNETES_SERVICE_HOST: '10.0.0.1', HOST: '0.0.0.0', POSTGRES_PASSWORD: 'p@ss/word' });
    expect(config.runtime).toBe('kubernetes');
    expect(config.database.url).toBe('postgres://rdev:p%40ss%2Fword@postgres.databases.svc:5432/rdev');
  });

  it('never takes a cluster because a kubeconfig lies around', () => {
    expect(loadConfig({ KUBECONFIG: '/somewhere' }).runtime).toBe('local');
  });

  it('names every bad variable at once and shows no value', () => {
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

  it('keeps the local runtime on loopback', () => {
    expect(() => loadConfig({ HOST: '0.0.0.0' })).toThrow(/HOST/);
  });

  it('treats an empty variable as absent', () => {
    expect(loadConfig({ PORT: '', DATABASE_URL: '' }).http.port).toBe(8080);
  });

  it.each(['1', '10.0.0.0/8, fd00::/8', '192.0.2.1'])('trusts proxies given as %s', (TRUST_PROXY) => {
    expect(() => loadConfig({ TRUST_PROXY })).not.toThrow();
  });

  it.each(['-1', '1.5', '100', 'loopback', '10.0.0.0/33', '10.0.0.0/8,', '0.0.0.0/0', '::/0', 'true'])(
    'does not trust proxies given as %s',
    (TRUST_PROXY) => {
      expect(() => loadConfig({ TRUST_PROXY })).toThrow(/TRUST_PROXY/);
    },
  );

  it('takes exact origins', () => {
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
  ])('does not take %s for an origin', (CORS_ORIGINS) => {
    expect(() => loadConfig({ CORS_ORIGINS })).toThrow(/CORS_ORIGINS/);
  });

  it('hands commands on the local runtime three variables of its own', () => {
    const { localEnvironment } = loadConfig({
      PATH: '/bin',
      HOME: '/home/me',
      LANG: 'C',
      DATABASE_URL: 'postgres://x/y',
    });
    expect(localEnvironment).toEqual({ PATH: '/bin', HOME: '/home/me', LANG: 'C' });
  });
});

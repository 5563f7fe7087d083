import { loadConfig } from '@app/config';
import { outageOf, welcome } from './welcome.js';

const started = { url: 'http://127.0.0.1:8080', keyFile: null, cluster: null, outage: null };
const kubernetes = { ...started, cluster: 'https://10.0.0.1:6443' };
const clusterConfig = loadConfig({ RDEV_RUNTIME: 'kubernetes', RDEV_NAMESPACE: 'rdev-projects' });
const text = (...given: Parameters<typeof welcome>): string => welcome(...given).join('\n');

describe('the welcome message', () => {
  it('says on a laptop that rdev is ready, and how to run a first command', () => {
    const said = text(started, loadConfig({}), null);
    expect(said).toContain('rdev is ready at http://127.0.0.1:8080\n');
    expect(said).toContain('without isolation');
    expect(said).toContain('Run a first command');
  });

  it('names the cluster and the namespace', () => {
    expect(text(kubernetes, clusterConfig, null)).toContain('namespace rdev-projects at https://10.0.0.1:6443');
  });

  it('says why commands cannot run, what works, and what to set, instead of "ready"', () => {
    const said = text({ ...kubernetes, outage: 'connect ECONNREFUSED 10.0.0.1:6443' }, clusterConfig, null);
    expect(said).not.toContain('is ready');
    for (const part of ['connect ECONNREFUSED 10.0.0.1:6443', 'Keys, stored commands', 'new commands', 'KUBECONFIG'])
      expect(said).toContain(part);
  });

  it('shows the key only if requested', () => {
    expect(text({ ...started, keyFile: '/data/admin.key' }, loadConfig({}), null)).not.toContain('rdev_');
    expect(text({ ...started, keyFile: '/data/admin.key' }, loadConfig({}), 'rdev_x')).toContain('rdev_x');
  });
});

describe('an outage of the runtime', () => {
  const failing = (error: Error) => ({ check: () => Promise.reject(error) });

  it('is null if the check succeeds', async () => {
    expect(await outageOf({ check: () => Promise.resolve() })).toBeNull();
  });

  it('is described by the cause of the error, or its message if there is none', async () => {
    const cause = new Error('connect ECONNREFUSED');
    expect(await outageOf(failing(new Error('It does not answer.', { cause })))).toBe('connect ECONNREFUSED');
    expect(await outageOf(failing(new Error('pods is forbidden')))).toBe('pods is forbidden');
  });

  it('is reported after a timeout', async () => {
    expect(await outageOf({ check: () => new Promise(() => undefined) }, 1)).toMatch(/^no answer within/);
  });
});

import { type ApiProcess, expectStatus, textOf } from '../support/index.js';
import { serveGit } from './support/git-server.js';
import { ProjectsSite, projectIs } from './support/projects-api.js';
import { until } from './support/until.js';

jest.setTimeout(300_000);

/** Says whether a connection can be made; bash alone, as a command in a pod would try it. */
const reach = (host: string, port: number) =>
  `if timeout 2 bash -c 'exec 3<>/dev/tcp/${host}/${String(port)}' 2>/dev/null; then echo reached; else echo no; fi`;

describe('a command in a project', () => {
  let site: ProjectsSite;
  let api: ApiProcess;
  let git: { readonly url: string; readonly egress: string };

  beforeAll(async () => {
    site = await ProjectsSite.open();
    git = await serveGit(site.namespace);
    api = await site.startApi();
    await Promise.all([
      api.client.post('/v1/projects', { id: 'shut', env: { MINE: 'yes' } }),
      api.client.post('/v1/projects', { id: 'open', egress: [git.egress] }),
    ]);
    await projectIs(api.client, 'shut', 'running');
    await projectIs(api.client, 'open', 'running');
    // A policy takes a moment to hold for a pod that is new.
    await until('the policy holds', async () => (await sh('shut', reach(...gitAddress()))) === 'no\n');
  });
  afterAll(async () => {
    await api.stop();
    await site.close();
  });

  const sh = (id: string, script: string) => textOf(api.client, id, script);
  const gitAddress = (): [string, number] => {
    const [host = '', port] = git.egress.split(/\/32:/);
    return [host, Number(port)];
  };

  test('is an ordinary user without capabilities, under seccomp, who can gain nothing', async () => {
    const status = await sh(
      'shut',
      'grep -E "^(Uid|Gid|Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):" /proc/self/status; id -G',
    );
    expect(status.replaceAll(/[\t ]+/g, ' ')).toBe(
      [
        'Uid: 1000 1000 1000 1000',
        'Gid: 1000 1000 1000 1000',
        'CapPrm: 0000000000000000',
        'CapEff: 0000000000000000',
        'CapBnd: 0000000000000000',
        'CapAmb: 0000000000000000',
        'NoNewPrivs: 1',
        'Seccomp: 2',
        '1000\n',
      ].join('\n'),
    );
  });

  test('can write to its files, a home and /tmp, and nowhere else', async () => {
    const places = '/ /etc /usr/bin /var /root /run /home /workspace /tmp "$HOME" /run/rdev';
    const script = `for d in ${places}; do if touch "$d/x" 2>/dev/null; then echo "$d"; rm "$d/x"; fi; done`;
    expect((await sh('shut', script)).trim().split('\n')).toEqual(['/workspace', '/tmp', '/home/rdev', '/run/rdev']);
    expect(await sh('shut', 'grep " / " /proc/mounts | grep -o "[ ,]ro[, ]" | head -n 1 | tr -d ", "')).toBe('ro\n');
  });

  test('finds no token, and in its environment only what was asked for and where the API server is', async () => {
    expect(
      await sh(
        'shut',
        'find / -xdev -path "*serviceaccount*" 2>/dev/null | wc -l; ls /var/run/secrets 2>&1 | grep -c "No such"',
      ),
    ).toBe('0\n1\n');
    const names = (await sh('shut', 'env | cut -d= -f1 | grep -v "^KUBERNETES_" | sort')).trim().split('\n');
    const ours = [
      'CI',
      'GIT_PAGER',
      'GIT_TERMINAL_PROMPT',
      'HOME',
      'HOSTNAME',
      'MANPAGER',
      'MINE',
      'PAGER',
      'PATH',
      'PWD',
    ];
    expect(names).toEqual([...ours, 'RDEV_COMMAND_ID', 'RDEV_PROJECT_ID', 'SYSTEMD_PAGER', 'TERM']);
  });

  test('sees no process but those of its pod', async () => {
    const script = 'cat /proc/1/comm; for p in /proc/[0-9]*; do stat -c %u "$p" 2>/dev/null; done | sort -u';
    expect(await sh('shut', script)).toMatch(/^rdev-init\n1000\n$/);
  });

  test('cannot end process 1 of its pod by accident', async () => {
    const started = () => sh('shut', 'stat -c %Y /proc/1; cat /proc/1/comm');
    const before = await started();
    for (const how of ['sleep', 'tail', 'tini', '-9 rdev-init']) await sh('shut', `pkill ${how}; true`);
    expect(await started()).toBe(before);
  });

  test('asks names, and reaches what is listed and nothing else: no pod, no node, not the API server', async () => {
    const [host, port] = gitAddress();
    expect(await sh('shut', 'getent hosts kubernetes.default.svc.cluster.local | wc -l')).toBe('1\n');
    const server = (await sh('shut', 'echo "$KUBERNETES_SERVICE_HOST"')).trim();
    const node = (await site.namespace.pod('rdev-shut-0'))?.status?.hostIP ?? '';
    const other = (await site.namespace.pod('rdev-open-0'))?.status?.podIP ?? '';
    const attempts = [reach(server, 443), reach(node, 6443), reach(node, 10250), reach(host, port), reach(other, 22)];
    expect(await sh('shut', [...attempts, reach('169.254.169.254', 80)].join('; '))).toBe('no\n'.repeat(6));
    expect(await sh('open', [reach(host, port), reach(server, 443), reach(node, 10250)].join('; '))).toBe(
      'reached\nno\nno\n',
    );
    expect(await sh('open', `git ls-remote ${git.url} | wc -l`)).toBe('3\n');
  });

  test('is not reached by others', async () => {
    const ip = (await site.namespace.pod('rdev-shut-0'))?.status?.podIP ?? '';
    // One that may go anywhere, as it is not a project.
    await site.namespace.createPod('stranger', { 'rdev.dev/project': 'stranger' });
    const listen = `perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(Listen => 1, LocalPort => 8000) or die; $s->accept'`;
    const { body } = await api.client.post('/v1/projects/shut/commands', { type: 'shell', script: listen });
    await until('it listens', async () => (await sh('shut', 'grep -c ":1F40 " /proc/net/tcp || true')) !== '0\n');
    await projectIs(api.client, 'stranger', 'running');
    expect(await sh('stranger', reach(ip, 8000))).toBe('no\n');
    expectStatus(await api.client.post(`/v1/commands/${body.id}/cancel`, { graceSeconds: 0 }), 202);
  });

  test('has its orphans reaped', async () => {
    await sh('shut', 'for i in 1 2 3; do (setsid sh -c "sleep 0.1; exit 3" &) ; done; sleep 0.5');
    expect(await sh('shut', 'cat /proc/[0-9]*/stat 2>/dev/null | grep -c ") Z " || true')).toBe('0\n');
  });
});

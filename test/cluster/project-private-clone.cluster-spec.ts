import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { PodExec } from '@app/kubernetes';
import { type ApiProcess, expectStatus, textOf } from '../support/index.js';
import { ProjectsSite, projectIs } from './support/projects-api.js';

jest.setTimeout(300_000);

const { RDEV_GIT_SERVER_IMAGE: SERVER = '', RDEV_WORKSPACE_IMAGE: WORKSPACE = '' } = process.env;
const isPossible = SERVER !== '' && WORKSPACE !== '';
if (!isPossible) {
  process.stderr.write(
    'No private repository is cloned: set RDEV_GIT_SERVER_IMAGE and RDEV_WORKSPACE_IMAGE to images that the nodes have.\n',
  );
}
const TOKEN = 'token-that-only-the-clone-may-see';

/**
 * From a server that speaks https and ssh, and lets nobody in without the right credentials: support/private-git.sh.
 */
(isPossible ? describe : describe.skip)('a private repository', () => {
  let site: ProjectsSite;
  let api: ApiProcess;
  let https: string;
  let ssh: string;
  let client: Readonly<Record<'ca.crt' | 'ssh-privatekey' | 'known_hosts', string>>;

  beforeAll(async () => {
    site = await ProjectsSite.open();
    const { namespace } = site;
    const env = [
      { name: 'TOKEN', value: TOKEN },
      { name: 'ADDRESS', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    ];
    const readinessProbe = { tcpSocket: { port: 443 }, periodSeconds: 1 };
    const command = ['sh', '-c', readFileSync(join(__dirname, 'support', 'private-git.sh'), 'utf8')];
    const server = { name: 'main', image: SERVER, command, imagePullPolicy: 'IfNotPresent', env, readinessProbe };
    await namespace.startPod('git-server', {}, { containers: [server] });
    const ip = (await namespace.ready('git-server')).status?.podIP ?? '';
    https = `https://${ip}/git/private.git`;
    ssh = `git@${ip}:private.git`;
    const read = async (file: string) => {
      const target = { namespace: namespace.name, pod: 'git-server', container: 'main' };
      const channel = await new PodExec(namespace.client).openChannel(target, ['cat', `/client/${file}`]);
      channel.stderr.resume();
      return text(channel.stdout);
    };
    const [ca, key, hosts] = await Promise.all(['ca.crt', 'ssh-privatekey', 'known_hosts'].map(read));
    client = { 'ca.crt': ca ?? '', 'ssh-privatekey': key ?? '', known_hosts: hosts ?? '' };
    api = await site.startApi({ RDEV_WORKSPACE_IMAGE: WORKSPACE, RDEV_PROJECT_EGRESS: `${ip}/32` });
  });
  afterAll(async () => {
    await api.stop();
    await site.close();
  });

  const clone = async (id: string, gitUrl: string, stringData?: Readonly<Record<string, string>>): Promise<void> => {
    const metadata = { name: id, namespace: site.namespace.name };
    if (stringData) await site.namespace.apply({ apiVersion: 'v1', kind: 'Secret', metadata, stringData });
    const secret = stringData ? { gitSecretName: id } : {};
    expectStatus(await api.client.post('/v1/projects', { id, gitUrl, ...secret }), 201);
  };

  test('is cloned with a token, a password or a key, of which commands see nothing', async () => {
    const { 'ca.crt': ca, ...key } = client;
    await clone('by-token', https, { 'ca.crt': ca, token: TOKEN });
    await clone('by-password', https, { 'ca.crt': ca, username: 'alice', password: `${TOKEN}-of-alice` });
    await clone('by-key', ssh, key);
    for (const id of ['by-token', 'by-password', 'by-key']) {
      await projectIs(api.client, id, 'running');
      expect(await textOf(api.client, id, 'cat README; git log --format=%s')).toBe('private\nfirst\n');
      const places = '/run /tmp /workspace "$HOME" /proc/self/environ /proc/1/environ';
      const search = `grep -rlsE "${TOKEN}|PRIVATE KEY" ${places}; ls /run/rdev-git 2>&1 | grep -c "No such"`;
      // The script itself is in its command line and its spool, which tell what was searched for.
      expect(await textOf(api.client, id, `git config --list | grep -ciE "token|helper|ssh"; ${search}`)).toMatch(
        /^0\n(\/run\/rdev\/\S+\n)*1\n$/,
      );
      expect(JSON.stringify((await site.namespace.pod(`rdev-${id}-0`))?.spec)).not.toContain(TOKEN);
    }
  });

  test('is not cloned without the right ones, and the reason says what was wrong', async () => {
    const { 'ca.crt': ca, ...key } = client;
    const otherHost = key.known_hosts.replace(/\S+$/m, (text) => text.replace(/.{8}$/, 'AAAAAAAA'));
    const cases: [string, string, Record<string, string> | undefined, RegExp][] = [
      ['no-token', https, { 'ca.crt': ca }, /could not read|Authentication failed/],
      ['wrong-token', https, { 'ca.crt': ca, token: 'wrong' }, /Authentication failed/],
      ['no-ca', https, { token: TOKEN }, /certificate/],
      ['no-key', ssh, { known_hosts: key.known_hosts }, /Host key verification failed|Permission denied/],
      ['no-hosts', ssh, { 'ssh-privatekey': key['ssh-privatekey'] }, /the Secret has no entry known_hosts/],
      ['other-host', ssh, { ...key, known_hosts: otherHost }, /Host key verification failed|host key|libcrypto/i],
    ];
    for (const [id, url, secret] of cases) await clone(id, url, secret);
    for (const [id, , , words] of cases) {
      const { reason } = await projectIs(api.client, id, 'failed');
      expect([id, reason]).toEqual([id, expect.stringMatching(/^git clone failed: .*gitSecretName/s)]);
      expect([id, reason]).toEqual([id, expect.stringMatching(words)]);
      expect(reason).not.toContain(TOKEN);
    }
  });
});

import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ApiProcess,
  WebhookReceiver,
  createProject,
  eventually,
  expectStatus,
  runCommand,
  startApi,
} from '../support/index.js';

const hasPython = spawnSync('python3', ['--version']).status === 0;

describe('the audit log can be verified', () => {
  let api: ApiProcess;
  let receiver: WebhookReceiver;
  let directory: string;
  /** The first checkpoint of the current key. */
  let kept: ReturnType<WebhookReceiver['at']>[number] | undefined;
  const file = (name: string) => join(directory, name);

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'rdev-audit-'));
    receiver = await WebhookReceiver.start();
    const env: Record<string, string> = { WEBHOOK_ALLOWED_CIDRS: '127.0.0.0/8' };
    api = await startApi({ env });
    await api.client.post('/v1/webhooks', { url: `${receiver.base}/checkpoints`, events: ['audit.checkpoint'] });
    const project = await createProject(api.client);
    for (const script of ['true', 'exit 3', 'echo "ä 😀"']) await runCommand(api.client, project, script);
    await api.client.as('rdev_nonsense').get('/v1/commands');
    // The first checkpoint may have come before the webhook; a new key signs soon.
    env.RDEV_AUDIT_FORMER_KEY = readFileSync(join(api.dataDir, 'audit.key'), 'utf8');
    env.RDEV_AUDIT_KEY = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
    await api.restart();
    await eventually(async () => {
      const { keyId, former } = (await api.client.get('/v1/audit/checkpoints/key')).body;
      kept = receiver.at('/checkpoints').find(({ message }) => former.length > 0 && message.data.keyId === keyId);
      return kept !== undefined;
    }, 60_000);
  });
  afterAll(async () => {
    await api.stop();
    receiver.stop();
    rmSync(directory, { recursive: true });
  });

  const exported = async (query = ''): Promise<string[]> => {
    const { text } = expectStatus(await api.client.get(`/v1/audit/export?format=ndjson${query}`), 200);
    return text.split('\n').filter((line: string) => line !== '');
  };
  const verify = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'audit:verify', '--', ...args], {
      encoding: 'utf8',
    });
    return { status, text: stdout + stderr };
  };
  const python = (...args: string[]) =>
    spawnSync('python3', ['docs/concepts/verify_audit.py', ...args], { encoding: 'utf8' });

  it('online, as a whole and step by step', async () => {
    const { body } = expectStatus(await api.client.get('/v1/audit/verify'), 200);
    expect(body).toMatchObject({ valid: true, firstSeq: 1, firstBad: null });
    expect(body.checked).toBeGreaterThan(8);
    expect(body.checkpoints).toBeGreaterThan(0);
    const { text, headers } = await api.client.get('/v1/audit/verify', { accept: 'application/x-ndjson' });
    expect(headers['content-type']).toContain('application/x-ndjson');
    const lines = text
      .trim()
      .split('\n')
      .map((line: string) => JSON.parse(line));
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.at(-1)).toMatchObject({ valid: true });
    expect(lines[0]).toEqual({ checked: expect.any(Number), lastSeq: expect.any(Number) });
  });

  it('with the public key, which the former one vouches for and which stays the same over restarts', async () => {
    const { body: key } = expectStatus(await api.client.get('/v1/audit/checkpoints/key'), 200);
    expect(key).toMatchObject({ algorithm: 'Ed25519', former: [{ endorsedBy: null }] });
    expect(key.endorsedBy).toBe(key.former[0].keyId);
    const { body: page } = await api.client.get('/v1/audit/checkpoints');
    expect(page.data[0]).toMatchObject({ keyId: key.keyId, installId: key.installId });
    expect(page.data.map(({ seq }: { seq: number }) => seq)).toContain(kept!.message.data.seq);
    await api.restart('SIGKILL');
    expect((await api.client.get('/v1/audit/checkpoints/key')).body.keyId).toBe(key.keyId);
    expect((await api.client.get('/v1/audit/verify')).body.valid).toBe(true);
  });

  it('offline, by the program and by the Python of the documentation', async () => {
    const { body: key } = await api.client.get('/v1/audit/checkpoints/key');
    writeFileSync(file('public.pem'), key.publicKey);
    writeFileSync(file('former.pem'), key.former[0].publicKey);
    writeFileSync(file('kept.json'), kept!.body);
    const lines = await exported();
    writeFileSync(file('all.ndjson'), `${lines.join('\n')}\n`);
    const trust = ['--key', file('public.pem'), '--checkpoint', file('kept.json')];
    const good = verify(file('all.ndjson'), ...trust);
    expect(good.text).toContain(`Records that are as they were sealed: ${lines.length}, 1 to ${lines.length}`);
    expect(good.text).toMatch(/Checkpoints verified: [1-9]/);
    expect(good.status).toBe(0);
    writeFileSync(file('page.json'), (await api.client.get('/v1/audit/checkpoints?limit=1')).text);
    expect(verify(file('all.ndjson'), '--key', file('public.pem'), '--checkpoint', file('page.json')).status).toBe(0);
    if (hasPython)
      expect(python(file('all.ndjson'), file('public.pem'), file('former.pem')).stdout).toMatch(
        /verified up to record \d+, signatures: [1-9]/,
      );

    const id = JSON.parse(lines[2]!).id as string;
    const broken: Record<string, string[]> = {
      changed: lines.map((line, i) => (i === 2 ? line.replace('"outcome":"', '"outcome":"x') : line)),
      missing: lines.filter((_line, i) => i !== 2),
      repeated: [...lines.slice(0, 3), lines[2]!, ...lines.slice(3)],
    };
    for (const [reason, tampered] of Object.entries(broken)) {
      writeFileSync(file(`${reason}.ndjson`), `${tampered.join('\n')}\n`);
      const { status, text } = verify(file(`${reason}.ndjson`), ...trust);
      expect([status, text]).toEqual([1, expect.stringContaining(`(${reason})`)]);
      if (reason === 'changed') expect(text).toContain(`The record 3 (${id}) is not right`);
      if (hasPython) expect(python(file(`${reason}.ndjson`)).status).toBe(1);
    }
    writeFileSync(file('short.ndjson'), `${lines.slice(0, kept!.message.data.seq - 1).join('\n')}\n`);
    expect(verify(file('short.ndjson')).status).toBe(0);
    expect(verify(file('short.ndjson'), ...trust)).toEqual({ status: 1, text: expect.stringContaining('(end)') });
  });

  it('offline from a record on, and where others were left out', async () => {
    const later = await exported('&after=4');
    writeFileSync(file('later.ndjson'), `${later.join('\n')}\n`);
    expect(verify(file('later.ndjson'))).toEqual({
      status: 0,
      text: expect.stringContaining('Nothing before the record 5'),
    });
    const commands = await exported('&type=command.ended');
    writeFileSync(file('commands.ndjson'), `${commands.join('\n')}\n`);
    expect(verify(file('commands.ndjson')).status).toBe(1);
    expect(verify(file('commands.ndjson'), '--partial').status).toBe(0);
  });

  it('but not from files that are none', () => {
    writeFileSync(file('none.ndjson'), 'hello\n');
    for (const args of [
      [file('none.ndjson')],
      [file('absent')],
      [],
      ['a', 'b'],
      [file('all.ndjson'), '--key', file('kept.json')],
      [file('all.ndjson'), '--checkpoint', file('all.ndjson')],
    ])
      expect(verify(...args).status).toBe(2);
  });
});

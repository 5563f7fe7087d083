import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InMemoryApiKeyRepository, aKey, anAuthenticator } from '@app/apikeys/testing';
import { FakeClock, InMemoryEventLog, InMemoryTransactor } from '@app/kernel/testing';
import { newSecret, parseSecret } from '../domain/key-format.js';
import { Bootstrap } from './bootstrap.js';

describe('Bootstrap', () => {
  const clock = new FakeClock();
  let dir: string;
  let keys: InMemoryApiKeyRepository;
  let events: InMemoryEventLog;
  let bootstrap: Bootstrap;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rdev-bootstrap-'));
    const transactor = new InMemoryTransactor();
    keys = new InMemoryApiKeyRepository(transactor);
    events = new InMemoryEventLog(transactor);
    bootstrap = new Bootstrap(keys, transactor, events, clock);
  });
  afterEach(() => rm(dir, { recursive: true }));

  const scopesOf = async (text: string): Promise<readonly string[]> =>
    (await anAuthenticator(keys, clock).authenticate(text, null)).scopes;

  it('admits the key of the operator, once, however often it starts', async () => {
    const { text } = newSecret();
    for (let start = 0; start < 3; start++)
      expect(await bootstrap.ensureAdminKey({ adminKey: text, keyFile: join(dir, 'admin.key') })).toBeNull();
    expect(await scopesOf(text)).toEqual(['admin']);
    expect(events.types).toEqual(['key.created']);
    expect(await readdir(dir)).toEqual([]);
  });

  it('refuses what has not the form of a key, without repeating it', async () => {
    const bad = `${newSecret().text.slice(0, -1)}!`;
    const attempt = bootstrap.ensureAdminKey({ adminKey: bad, keyFile: null });
    await expect(attempt).rejects.toThrow('RDEV_ADMIN_KEY');
    await expect(attempt).rejects.not.toThrow(bad);
  });

  it('refuses a key whose prefix belongs to another', async () => {
    const secret = newSecret();
    await keys.insert(aKey({ prefix: secret.prefix }));
    await expect(bootstrap.ensureAdminKey({ adminKey: secret.text, keyFile: null })).rejects.toThrow('prefix');
  });

  it('does not bring back a key that was revoked', async () => {
    const { text } = newSecret();
    await bootstrap.ensureAdminKey({ adminKey: text, keyFile: null });
    await keys.revoke((await keys.findByPrefix(parseSecret(text)!.prefix))!.id);
    await bootstrap.ensureAdminKey({ adminKey: text, keyFile: null });
    await expect(scopesOf(text)).rejects.toThrow('revoked');
  });

  it('makes a key for the owner of the directory only, and keeps it', async () => {
    const keyFile = join(dir, 'deep', 'admin.key');
    expect(await bootstrap.ensureAdminKey({ adminKey: null, keyFile })).toBe(keyFile);
    const text = (await readFile(keyFile, 'utf8')).trim();
    expect(await scopesOf(text)).toEqual(['admin']);
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    await bootstrap.ensureAdminKey({ adminKey: null, keyFile });
    expect((await readFile(keyFile, 'utf8')).trim()).toBe(text);
    expect(await readdir(join(dir, 'deep'))).toEqual(['admin.key']);
  });

  it.each(['', 'half of a ke', '\n'])('replaces a file that holds no key (%j)', async (content) => {
    const keyFile = join(dir, 'admin.key');
    await writeFile(keyFile, content);
    await bootstrap.ensureAdminKey({ adminKey: null, keyFile });
    expect(await scopesOf((await readFile(keyFile, 'utf8')).trim())).toEqual(['admin']);
  });

  it('makes none where there is no place for it', async () => {
    expect(await bootstrap.ensureAdminKey({ adminKey: null, keyFile: null })).toBeNull();
    expect(events.types).toEqual([]);
  });
});

import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InMemoryApiKeyRepository, aKey, anAuthenticator } from '@app/apikeys/testing';
import { FakeClock, InMemoryEventLog, InMemoryNotifier, InMemoryTransactor } from '@app/kernel/testing';
import { newSecret, parseSecret } from '../domain/key-format.js';
import { Bootstrap } from './bootstrap.js';
import { KEY_CHANGED } from './key-cache.js';

describe('Bootstrap', () => {
  const clock = new FakeClock();
  let dir: string;
  let keys: InMemoryApiKeyRepository;
  let events: InMemoryEventLog;
  let notifier: InMemoryNotifier;
  let bootstrap: Bootstrap;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rdev-bootstrap-'));
    const transactor = new InMemoryTransactor();
    keys = new InMemoryApiKeyRepository(transactor);
    events = new InMemoryEventLog(transactor);
    notifier = new InMemoryNotifier();
    bootstrap = new Bootstrap(keys, transactor, events, notifier, clock);
  });
  afterEach(() => rm(dir, { recursive: true }));

  const scopesOf = async (text: string): Promise<readonly string[]> =>
    (await anAuthenticator(keys, clock).authenticate(text, null)).scopes;

  it("inserts the operator's key once, however often it starts", async () => {
    const { text } = newSecret();
    for (let start = 0; start < 3; start++)
      expect(await bootstrap.ensureAdminKey({ adminKey: text, keyFile: join(dir, 'admin.key') })).toBeNull();
    expect(await scopesOf(text)).toEqual(['admin']);
    expect(events.types).toEqual(['key.created']);
    expect(await readdir(dir)).toEqual([]);
  });

  it('refuses a malformed key without quoting it', async () => {
    const bad = `${newSecret().text.slice(0, -1)}!`;
    const attempt = bootstrap.ensureAdminKey({ adminKey: bad, keyFile: null });
    await expect(attempt).rejects.toThrow('RDEV_ADMIN_KEY');
    await expect(attempt).rejects.not.toThrow(bad);
  });

  it('refuses a key whose prefix belongs to another key', async () => {
    const secret = newSecret();
    await keys.insert(aKey({ prefix: secret.prefix }));
    await expect(bootstrap.ensureAdminKey({ adminKey: secret.text, keyFile: null })).rejects.toThrow('prefix');
  });

  it('does not restore a revoked key', async () => {
    const { text } = newSecret();
    await bootstrap.ensureAdminKey({ adminKey: text, keyFile: null });
    await keys.revoke((await keys.findByPrefix(parseSecret(text)!.prefix))!.id);
    await bootstrap.ensureAdminKey({ adminKey: text, keyFile: null });
    await expect(scopesOf(text)).rejects.toThrow('revoked');
  });

  it('revokes the previous key for a new one, but no key that was created by a key', async () => {
    const [former, current] = [newSecret(), newSecret()];
    const start = (adminKey: string) => bootstrap.ensureAdminKey({ adminKey, keyFile: null });
    await start(former.text);
    const made = aKey({ createdBy: (await keys.findByPrefix(former.prefix))!.id });
    await keys.insert(made);
    const announced: string[] = [];
    notifier.subscribe(KEY_CHANGED, (prefix) => announced.push(prefix));
    await start(current.text);
    expect(await scopesOf(current.text)).toEqual(['admin']);
    await expect(scopesOf(former.text)).rejects.toThrow('revoked');
    expect((await keys.findById(made.id))?.revokedAt).toBeNull();
    // A replica that still has the previous one changes nothing.
    await start(former.text);
    await expect(scopesOf(former.text)).rejects.toThrow('revoked');
    expect(await scopesOf(current.text)).toEqual(['admin']);
    expect(events.types).toEqual(['key.created', 'key.created', 'key.revoked']);
    expect(announced).toContain(former.prefix);
  });

  it('creates a key that only the owner can read, and keeps it', async () => {
    const keyFile = join(dir, 'deep', 'admin.key');
    expect(await bootstrap.ensureAdminKey({ adminKey: null, keyFile })).toBe(keyFile);
    const text = (await readFile(keyFile, 'utf8')).trim();
    expect(await scopesOf(text)).toEqual(['admin']);
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    await bootstrap.ensureAdminKey({ adminKey: null, keyFile });
    expect((await readFile(keyFile, 'utf8')).trim()).toBe(text);
    expect(await readdir(join(dir, 'deep'))).toEqual(['admin.key']);
  });

  describe('after the key in the file was revoked', () => {
    let keyFile: string;
    let text: string;
    beforeEach(async () => {
      keyFile = join(dir, 'admin.key');
      await bootstrap.ensureAdminKey({ adminKey: null, keyFile });
      text = (await readFile(keyFile, 'utf8')).trim();
      await keys.revoke((await keys.findByPrefix(parseSecret(text)!.prefix))!.id);
    });

    it('creates a new one if there is no other administrator', async () => {
      await keys.insert(aKey({ projects: ['web'] }));
      await keys.insert(aKey({ expiresAt: new Date(0) }));
      expect(await bootstrap.ensureAdminKey({ adminKey: null, keyFile })).toBe(keyFile);
      const other = (await readFile(keyFile, 'utf8')).trim();
      expect(other).not.toBe(text);
      expect(await scopesOf(other)).toEqual(['admin']);
      await expect(scopesOf(text)).rejects.toThrow('revoked');
    });

    it('neither returns the file nor creates a key if there is another admin key', async () => {
      await keys.insert(aKey());
      expect(await bootstrap.ensureAdminKey({ adminKey: null, keyFile })).toBeNull();
      expect((await readFile(keyFile, 'utf8')).trim()).toBe(text);
    });
  });

  it.each(['', 'half of a ke', '\n'])('replaces a file without a valid key (%j)', async (content) => {
    const keyFile = join(dir, 'admin.key');
    await writeFile(keyFile, content);
    await bootstrap.ensureAdminKey({ adminKey: null, keyFile });
    expect(await scopesOf((await readFile(keyFile, 'utf8')).trim())).toEqual(['admin']);
  });

  it('creates no key without a file for it', async () => {
    expect(await bootstrap.ensureAdminKey({ adminKey: null, keyFile: null })).toBeNull();
    expect(events.types).toEqual([]);
  });
});

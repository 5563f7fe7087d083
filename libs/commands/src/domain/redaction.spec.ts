import { redact, SECRET_FORMS } from './redaction.js';

const redacted = (text: string, values: readonly string[] = []): string => redact([text], values, 4_096).parts[0] ?? '';

/** What is found, and what is left of it. Tokens are joined here, so that scanners of repositories find none. */
const EXAMPLES: readonly (readonly [form: keyof typeof SECRET_FORMS, text: string, shown: string])[] = [
  ['rdev keys and tickets', `curl -d rdev_${'a1B2'.repeat(2)}_${'x'.repeat(38)}`, 'curl -d ***'],
  ['rdev keys and tickets', `get ?t=rdevt_${'aB-_'.repeat(10)}&x`, 'get ?t=***&x'],
  ['webhook secrets', `echo whsec_${'ab+/'.repeat(8)}=`, 'echo ***'],
  ['AWS', `aws configure set x AKIA${'ABCD1234'.repeat(2)}`, 'aws configure set x ***'],
  ['GitHub', `echo ghp_${'a1B2'.repeat(9)} github_pat_${'a1_B'.repeat(20)}`, 'echo *** ***'],
  ['GitLab', `echo glpat-${'a1B-'.repeat(5)}`, 'echo ***'],
  ['Slack', `echo xoxb-${'123456-'.repeat(4)}abc`, 'echo ***'],
  ['Slack', `curl https://hooks.slack.com/services/T0/B0/${'x'.repeat(24)}`, 'curl https://***'],
  ['Google', `echo AIza${'aB-_1'.repeat(7)}`, 'echo ***'],
  ['Google', `echo ya29.${'a0Af'.repeat(10)} GOCSPX-${'a1B2'.repeat(7)}`, 'echo *** ***'],
  ['Stripe', `echo sk_live_${'a1B2'.repeat(6)}`, 'echo ***'],
  ['npm', `echo npm_${'a1B2'.repeat(9)}`, 'echo ***'],
  ['model providers', `echo sk-ant-api03-${'a1B-'.repeat(10)}`, 'echo ***'],
  ['JWT', `echo eyJ${'hbGci'.repeat(4)}.eyJ${'zdWI'.repeat(4)}.${'sig-_'.repeat(4)}!`, 'echo ***!'],
  [
    'PEM',
    `cat <<E\n-----BEGIN RSA PRIVATE KEY-----\n${'MIIE\n'.repeat(20)}-----END RSA PRIVATE KEY-----\nE`,
    'cat <<E\n***\nE',
  ],
  ['PEM', `echo "-----BEGIN PRIVATE KEY-----\nMIIE`, 'echo "***'],
  ['headers that authenticate', `curl -H 'Authorization: Basic dTpw' url`, `curl -H 'Authorization: ***' url`],
  ['headers that authenticate', `curl -H "cookie: a=b; c=d" url`, `curl -H "cookie: ***" url`],
  ['names and values', 'DB_PASSWORD=hunter2 psql', 'DB_PASSWORD=*** psql'],
  ['names and values', 'export API_KEY="two words" X=1', 'export API_KEY=*** X=1'],
  ['names and values', `{"token": "a\\"b", "n": 1}`, '{"token": ***, "n": 1}'],
  ['names and values', 'aws_secret_access_key = wJalr/K7', 'aws_secret_access_key = ***'],
  ['names and values', 'url?access_token=abc&x=1', 'url?access_token=***'],
  [
    'names and values',
    String.raw`curl -d "{\"password\": \"hunter2\"}" "url"`,
    String.raw`curl -d "{\"password\": ***\"}" "url"`,
  ],
  ['names and values', `'password' => 'a b', token := "c d"`, `'password' => ***, token := ***`],
  ['names and values', `PASSWORD="a b"c"`, 'PASSWORD=***"'],
  ['names and values', `export PASSWORD=$'a b' X=1`, 'export PASSWORD=*** X=1'],
  ['names and values', String.raw`PASSWORD=a\ b run`, 'PASSWORD=*** run'],
  ['names and values', `password = """a b"""`, 'password = ***'],
  ['names and values', `echo "token=abc" && run "b c"`, `echo "token=***" && run "b c"`],
  [
    'elements',
    `<server><password kind="x">hunter 2</password></server>`,
    `<server><password kind="x">***</password></server>`,
  ],
  ['SQL', `ALTER ROLE x PASSWORD 'hunter 2';`, 'ALTER ROLE x PASSWORD ***;'],
  ['SQL', `CREATE USER x IDENTIFIED BY 'hunter 2'`, 'CREATE USER x IDENTIFIED BY ***'],
  ['options', 'login --password \\\n  hunter2', 'login --password \\\n  ***'],
  ['options', `login --password hunter2 --verbose`, `login --password *** --verbose`],
  ['options', `login --auth-token 'a b' now`, `login --auth-token *** now`],
  ['users of curl', 'curl -u me:hunter2 url', 'curl -u me:*** url'],
  ['URLs with a user', 'git clone https://me:hunter2@example.com/x', 'git clone https://***@example.com/x'],
];

describe('redact', () => {
  it.each(EXAMPLES)('masks %s', (_form, text, shown) => {
    expect(redacted(text)).toBe(shown);
  });

  it('has an example of each form, which that form alone finds', () => {
    for (const [form, pattern] of Object.entries(SECRET_FORMS)) {
      const texts = EXAMPLES.filter(([of]) => of === form).map(([, text]) => text);
      expect([form, texts.length > 0 && texts.every((text) => text.search(pattern) >= 0)]).toEqual([form, true]);
    }
  });

  it.each([
    'make test && echo "done: 100%"',
    'git commit -m "fix: the token parser" --author=me',
    'for i in 1 2 3; do curl https://example.com/a@b?x=1; done',
    'ls -la /etc/passwd /var/run/secrets',
  ])('leaves alone: %s', (text) => {
    expect(redacted(text)).toBe(text);
  });

  it('masks values of variables wherever they are, and of long ones what begins like them', () => {
    const long = `ab😀${'xyz-😀'.repeat(20)}-end`;
    expect(redacted(`x="s3cr" y=s3cr3t; echo ${long} s3cr`, ['s3cr', 's3cr3t', long, '1', ''])).toBe(
      'x="***" y=***; echo *** ***',
    );
  });

  it('masks across arguments, and keeps their number', () => {
    expect(redact(['login', '--password', 'hunter2', 'x'], [], 100).parts).toEqual(['login', '--password', '***', 'x']);
    expect(redact(['a', '', 'b'], [], 100)).toEqual({ parts: ['a', '', 'b'], isCut: false });
  });

  it('cuts to a number of bytes, and never in the middle of a character or of a secret', () => {
    expect(redact(['ä😀'.repeat(3)], [], 10)).toEqual({ parts: ['ä😀ä'], isCut: true });
    expect(redact(['abc', 'def'], [], 4)).toEqual({ parts: ['abc', 'd'], isCut: true });
    // A secret of which only the beginning is within what is searched is not shown at all.
    const { parts, isCut } = redact([`${' '.repeat(16_370)}ghp_${'a1B2'.repeat(9)}`], [], 1_000_000);
    expect([parts[0]!.trim(), isCut]).toEqual(['', true]);
  });

  const HOSTILE = [
    'a'.repeat(1_000_000),
    '-----BEGIN A-----'.repeat(50_000),
    'password'.repeat(100_000),
    '--token '.repeat(100_000),
    'token="'.repeat(100_000),
    'a://'.repeat(200_000),
    'eyJaaaaaaaaaaaa.'.repeat(60_000),
    '-u a:'.repeat(200_000),
    'authorization: '.repeat(60_000),
  ];
  it.each(HOSTILE.map((text) => [text.slice(0, 20), text]))(
    'takes little time for a hostile text: %s',
    (_name, text) => {
      const started = process.cpuUsage();
      redact(
        [text],
        Array.from({ length: 20_000 }, (_, i) => `aaaa${String(i)}`.padEnd(4 + (i % 40), 'a')),
        4_096,
      );
      const { user } = process.cpuUsage(started);
      expect(user / 1_000).toBeLessThan(1_000);
    },
  );
});

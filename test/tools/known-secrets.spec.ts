import { leaksIn, noteKey, noteRequest, noteResponse, noteText } from '../support/known-secrets.js';

describe('the search for secrets in logs', () => {
  const line = (fields: object) => `${JSON.stringify({ level: 'info', ...fields })}\n`;
  const KEY = 'rdev_Admin000_0123456789';

  beforeAll(() => {
    noteKey(KEY);
    noteResponse({
      data: [{ secret: 'the-secret-of-a-new-key', name: 'an innocent name' }],
      ticket: 'a-ticket-of-a-stream',
    });
    noteRequest('/v1/projects/p/commands', {
      type: 'shell',
      script: 'echo "quoted text"\n\tsecond line of it',
      argv: ['print', '--password=argument'],
      env: { TOKEN: 'value-of-a-variable' },
      stdin: { text: 'typed into the command' },
      labels: { team: 'the team of the caller' },
    });
    noteRequest('/v1/commands/cmd_x/stdin', { data: 'more that was typed' });
    noteRequest('/v1/projects', { env: { A: 'not of a command at all' } });
    noteText(`a line of output\n/a/path/of/the/host\ncmd_${'0'.repeat(26)}\nshort`);
  });

  it.each([
    ['a key', `GET /?ticket=${KEY} 200`, KEY],
    ['a key that was handed out', line({ msg: 'the-secret-of-a-new-key' }), 'the-secret-of-a-new-key'],
    ['a ticket', line({ req: { url: '/x?ticket=a-ticket-of-a-stream' } }), 'a-ticket-of-a-stream'],
    ['command text, escaped', line({ err: { message: 'in: echo "quoted text"' } }), 'echo "quoted text"'],
    ['each line of it', line({ sql: 'x\n\tsecond line of it' }), 'second line of it'],
    ['an argument', line({ args: ['--password=argument'] }), '--password=argument'],
    ['a variable', line({ env: 'TOKEN=value-of-a-variable' }), 'value-of-a-variable'],
    ['stdin', 'typed into the command', 'typed into the command'],
    ['stdin that came later', 'more that was typed', 'more that was typed'],
    ['output', line({ chunk: 'a line of output' }), 'a line of output'],
  ])('finds %s', (_name, logs, leak) => {
    expect(leaksIn(logs)).toEqual([leak]);
  });

  it('minds nothing that may be there', () => {
    const innocent = ['an innocent name', 'the team of the caller', 'not of a command at all', 'short'];
    expect(leaksIn(line({ innocent, path: '/a/path/of/the/host', id: `cmd_${'0'.repeat(26)}` }))).toEqual([]);
  });
});

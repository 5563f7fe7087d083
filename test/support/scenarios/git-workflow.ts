import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ended, outputOf, startCommand } from '../commands.js';
import type { HttpClient } from '../http-client.js';
import { Transcript } from '../transcript.js';

const run = promisify(execFile);

/** What the scenario needs of the runtime that it is run on. */
export interface GitWorkflowEnvironment {
  readonly client: HttpClient;
  readonly projectId: string;
  /** A URL by which `git` in the project reaches this bare repository of the test's machine. */
  readonly urlOf: (bareRepository: string) => string | Promise<string>;
  /** Where the project's commands run; a directory that is new in it takes the clone. */
  readonly workspace: string;
  /** How commands of the type git get to the clone: by `cwd`, or by `-C` where the project has no `/workspace`. */
  readonly place: { readonly cwd: string } | { readonly below: string };
}

/** A program with a bug, a build that checks its syntax and a test that finds the bug; needs nothing but sh. */
const FILES: Readonly<Record<string, string>> = {
  'sum.sh': '# Adds two numbers.\nsum() {\n  echo $(($1 - $2))\n}\n',
  'build.sh':
    '#!/bin/sh\nset -e\nfor file in *.sh; do\n  echo "checking $file"\n  sh -n "$file"\ndone\necho "build done"\n',
  'test.sh': [
    '#!/bin/sh',
    '. ./sum.sh',
    'failed=0',
    'check() {',
    '  echo "test: $1 + $2"',
    '  got=$(sum "$1" "$2")',
    '  [ "$got" = "$3" ] && return',
    '  echo "FAILED: $1 + $2 is $got, expected $3" >&2',
    '  failed=2',
    '}',
    'check 0 0 0',
    'sleep 0.3',
    'check 1 2 3',
    'sleep 0.3',
    'check 5 0 5',
    'echo "tests done"',
    'exit $failed',
    '',
  ].join('\n'),
};

/**
 * What a user does all day: clone, build, test, see what fails, fix it, test again, commit. Throws where it goes wrong.
 */
export async function gitWorkflow({
  client,
  projectId,
  urlOf,
  workspace,
  place,
}: GitWorkflowEnvironment): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'rdev-git-'));
  try {
    const bare = await makeRepository(directory);
    const cwd = `${workspace}/repository`;
    const git = (...args: string[]) =>
      succeed(
        'cwd' in place ? { type: 'git', args, cwd: place.cwd } : { type: 'git', args: ['-C', place.below, ...args] },
      );

    const target = 'cwd' in place ? place.cwd : place.below;
    await succeed({ type: 'git', args: ['clone', '--quiet', await urlOf(bare), target] });
    expect(await git('log', '--format=%s')).toBe('Add sum\n');
    expect(await succeed({ type: 'shell', script: 'sh build.sh', cwd })).toMatch(/checking sum\.sh\n[^]*build done\n$/);

    const red = await test(cwd);
    expect(red).toMatchObject({
      status: 'failed',
      exitCode: 2,
      stdout: 'test: 0 + 0\ntest: 1 + 2\ntest: 5 + 0\ntests done\n',
      stderr: 'FAILED: 1 + 2 is -1, expected 3\n',
    });
    expect(red.sawOutputBeforeEnd).toBe(true);

    await succeed({ type: 'exec', argv: ['sed', '-i', 's/\\$1 - \\$2/$1 + $2/', 'sum.sh'], cwd });
    expect(await git('diff', '--stat')).toContain('sum.sh | 2 +-');
    expect(await test(cwd)).toMatchObject({ status: 'succeeded', exitCode: 0, stderr: '' });

    await git('add', 'sum.sh');
    await git(
      '-c',
      'user.name=Ada',
      '-c',
      'user.email=ada@example.com',
      'commit',
      '--quiet',
      '-m',
      'Add, do not subtract',
    );
    expect(await git('log', '--format=%s by %an')).toBe('Add, do not subtract by Ada\nAdd sum by Test\n');
    expect(await git('status', '--porcelain')).toBe('');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }

  async function succeed(command: Readonly<Record<string, unknown>>): Promise<string> {
    const { id } = await startCommand(client, projectId, command);
    const { status, result } = await ended(client, id, 60);
    const [stdout, stderr] = [await outputOf(client, id), await outputOf(client, id, 'stderr')].map(String);
    if (status !== 'succeeded') {
      throw new Error(`${JSON.stringify(command)} ended ${status}: ${JSON.stringify(result)}\n${stdout}${stderr}`);
    }
    return stdout ?? '';
  }

  /** Runs the tests and follows them live. */
  async function test(cwd: string): Promise<{
    status: string;
    exitCode: number;
    stdout: string;
    stderr: string;
    sawOutputBeforeEnd: boolean;
  }> {
    const { id } = await startCommand(client, projectId, { script: 'sh test.sh', cwd });
    const transcript = new Transcript();
    let statusAtFirstOutput: string | undefined;
    for await (const event of await client.sse(`/v1/commands/${id}/events`)) {
      transcript.add(event);
      if (event.event === 'output') statusAtFirstOutput ??= (await client.get(`/v1/commands/${id}`)).body.status;
    }
    const { status, result } = transcript.end;
    return {
      status,
      exitCode: result.exitCode,
      stdout: transcript.text(),
      stderr: transcript.text('stderr'),
      sawOutputBeforeEnd: statusAtFirstOutput === 'running',
    };
  }
}

async function makeRepository(directory: string): Promise<string> {
  const [work, bare] = [join(directory, 'work'), join(directory, 'bare.git')];
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com'];
  await run('git', ['init', '--quiet', '-b', 'main', work]);
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(work, name), text);
  await run('git', ['-C', work, 'add', '.']);
  await run('git', ['-C', work, ...identity, 'commit', '--quiet', '-m', 'Add sum']);
  await run('git', ['clone', '--quiet', '--bare', work, bare]);
  return bare;
}

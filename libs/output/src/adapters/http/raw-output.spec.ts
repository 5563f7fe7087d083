import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { InMemoryCommandRepository, aCommand } from '@app/commands/testing';
import { InMemoryOutputLedger } from '@app/output/testing';
import type { Caller } from '@app/kernel';
import type { Response } from 'express';
import { GAPS_MAX, type OutputRun } from '../../application/output-ledger.js';
import type { Followed, OutputService } from '../../application/output.service.js';
import { advance } from '../../application/output-writer.js';
import { type Command, START } from '@app/commands';
import { OutputQuery } from './output.dto.js';
import { sendFollowed, sendRange } from './raw-output.js';

const DATA: OutputRun = { kind: 'data', stream: 'stdout', offset: 0, data: Buffer.from('data') };
const GAP: OutputRun = { kind: 'gap', stream: 'stdout', offset: 4, length: 6, reason: 'output_limit' };
const OTHER_GAP: OutputRun = { ...GAP, stream: 'stderr' };
const output = (...runs: OutputRun[]): Followed => ({ kind: 'output', runs });
const ended = (status: string): Followed => ({ kind: 'ended', command: { status } as Command });

type Step = Followed | 'aborted' | 'expired';

describe('raw output', () => {
  let server: Server;
  let steps: readonly Step[];
  let known: OutputRun[];
  let answer: (response: Response, wantsTrailers: boolean) => Promise<void>;

  beforeAll(async () => {
    server = createServer((request, response) => {
      answer(response as unknown as Response, request.headers.te === 'trailers').catch(() => undefined);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    known = [];
    answer = follow;
  });

  const command = { id: 'cmd_1', status: 'running', position: { stdout: 0, stderr: 0 } } as Command;

  function follow(response: Response, wantsTrailers: boolean): Promise<void> {
    const abort = new AbortController();
    const service = {
      assertReadable: () => Promise.resolve(),
      gaps: () => Promise.resolve(known),
      async *follow() {
        for (const step of steps) {
          if (step === 'expired') throw new Error(step);
          if (step === 'aborted') abort.abort();
          else yield step;
        }
      },
    } as unknown as OutputService;
    const follower = { response, signal: abort.signal, wantsTrailers };
    return sendFollowed(service, command, {} as Caller, new OutputQuery(), follower);
  }

  /** Everything received, and whether the connection was closed or reset in the end. */
  async function ask(
    version: '1.0' | '1.1',
    headers = '',
    method = 'GET',
  ): Promise<{ text: string; end: 'closed' | 'reset' }> {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(`${method} / HTTP/${version}\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`);
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const end = await new Promise<'closed' | 'reset'>((resolve) => {
      socket.once('end', () => resolve('closed'));
      socket.once('error', () => resolve('reset'));
    });
    socket.destroy();
    return { text, end };
  }

  const lastChunk = /\r\n0\r\n[^]*\r\n$/;

  it('closes normally if all bytes of the stream were sent, even if stderr has gaps', async () => {
    steps = [output(DATA, OTHER_GAP), ended('failed')];
    expect(await ask('1.0')).toMatchObject({ text: expect.stringMatching(/data$/), end: 'closed' });
    expect((await ask('1.1')).text).toMatch(/data\r\n0\r\n\r\n$/);
    expect((await ask('1.1', 'TE: trailers\r\n')).text).toMatch(/data\r\n0\r\nRdev-Complete: true\r\n\r\n$/);
  });

  it.each<[string, Step[]]>([
    ['bytes that the output limit cut', [output(DATA, GAP), ended('succeeded')]],
    ['a lost command', [output(DATA), ended('lost')]],
    ['a stop', [output(DATA), 'aborted']],
    ['a stop at the last moment', [output(DATA), 'aborted', output(DATA), ended('succeeded')]],
    ['output that has expired', [output(DATA), 'expired']],
  ])('never appears complete after %s', async (_name, all) => {
    steps = all;
    const old = await ask('1.0');
    expect([old.end, old.text]).toEqual(['reset', expect.stringMatching(/\r\n\r\ndata$/)]);
    const { text } = await ask('1.1');
    expect(text).toMatch(/\r\ndata\r\n$/);
    expect(text).not.toMatch(lastChunk);
  });

  it('reports missing bytes in trailers, to a client that reads them', async () => {
    steps = [output(DATA, GAP), ended('succeeded')];
    const { text } = await ask('1.1', 'TE: trailers\r\n');
    expect(text).toMatch(/^Trailer: Rdev-Complete, Rdev-Missing\r$/m);
    expect(text).toMatch(/data\r\n0\r\nRdev-Complete: false\r\nRdev-Missing: 4-10\r\n\r\n$/);
  });

  it('resets the connection also for such a client if it cannot send trailers any more', async () => {
    steps = [output(DATA), 'aborted'];
    expect((await ask('1.1', 'TE: trailers\r\n')).text).not.toMatch(lastChunk);
  });

  it('reports in the headers what is already known to be missing', async () => {
    known = [GAP];
    steps = [output(DATA, GAP), ended('succeeded')];
    expect((await ask('1.1')).text).toMatch(/^Rdev-Missing: 4-10\r$/m);
  });

  it('answers HEAD without following, so that the connection can take the next request', async () => {
    steps = ['expired'];
    const { text } = await ask('1.1', '', 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\nHEAD');
    expect(text.match(/^HTTP\/1\.1 200 /gm)).toHaveLength(2);
  });

  it('ignores the Range header', async () => {
    steps = [ended('succeeded')];
    expect((await ask('1.1')).text).toMatch(/^Accept-Ranges: none\r$/m);
  });

  it.each(['failed', 'lost'])(
    'without follow is complete once no more can come, also for a command that is %s',
    async (status) => {
      const stored = { ...command, status, position: { stdout: 10, stderr: 0 } } as Command;
      const service = {
        assertReadable: () => Promise.resolve(),
        gaps: () => Promise.resolve([GAP]),
        readStream: () => Promise.resolve([DATA, GAP]),
      } as unknown as OutputService;
      answer = (response) => sendRange(service, stored, new OutputQuery(), response, new AbortController().signal);
      const { text } = await ask('1.1');
      expect(text).toMatch(/^Rdev-Complete: true\r$/m);
      expect(text).toMatch(/^Rdev-Missing: 4-10\r$/m);
      expect(text).toMatch(/\r\n\r\ndata$/);
    },
  );

  it('breaks off on shutdown, instead of leaving the client waiting for the announced length', async () => {
    const stored = { ...command, position: { stdout: 4, stderr: 0 } };
    answer = (response) => {
      const abort = new AbortController();
      const service = {
        assertReadable: () => Promise.resolve(),
        gaps: () => Promise.resolve([]),
        readStream: () => {
          abort.abort();
          return Promise.resolve([DATA]);
        },
      } as unknown as OutputService;
      return sendRange(service, stored, new OutputQuery(), response, abort.signal);
    };
    expect(await ask('1.1')).toMatchObject({ text: expect.not.stringContaining('data') });
  });
});

describe('a raw response with very many gaps', () => {
  it('lists the first of them, and says where the next response begins', async () => {
    const commands = new InMemoryCommandRepository();
    const ledger = new InMemoryOutputLedger(commands);
    const { id } = aCommand();
    commands.seed(aCommand({ id }), 'replica');
    const runs = Array.from({ length: 5 * GAPS_MAX }, (_, offset): OutputRun =>
      offset % 2 === 0
        ? { kind: 'data', stream: 'stdout', offset, data: Buffer.from('x') }
        : { kind: 'gap', stream: 'stdout', offset, length: 1, reason: 'spool' },
    );
    await ledger.append(id, 'replica', START, runs);
    const command = commands.change(id, { status: 'failed', position: advance(START, runs) })!;
    const output = {
      assertReadable: () => Promise.resolve(),
      gaps: (_command, stream, offset) => ledger.gaps(id, stream, offset),
      readStream: (_command, stream, offset, bytesMax) => ledger.readStream(id, stream, offset, bytesMax),
    } as Pick<OutputService, 'assertReadable' | 'gaps' | 'readStream'> as OutputService;

    let bytes = 0;
    const answers: Record<string, string>[] = [];
    for (let from = 0; from < command.position.stdout; from = Number(answers.at(-1)!['Rdev-Next-Offset'])) {
      const headers: Record<string, string> = {};
      const response = {
        req: { method: 'GET' },
        setHeader: (name: string, value: string) => (headers[name] = value),
        write: (data: Buffer, done: () => void) => {
          bytes += data.length;
          done();
        },
        end: () => undefined,
      } as unknown as Response;
      const query = Object.assign(new OutputQuery(), { from });
      await sendRange(output, command, query, response, new AbortController().signal);
      expect(headers['Rdev-Missing']!.split(', ').length).toBeLessThanOrEqual(GAPS_MAX);
      answers.push(headers);
    }
    expect(answers.map((headers) => headers['Rdev-Complete'])).toEqual(['false', 'false', 'true']);
    expect(bytes).toBe(runs.length / 2);
  });
});

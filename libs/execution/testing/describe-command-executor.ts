import { until } from '@app/kernel/testing';
import { ProjectNotRunning } from '@app/projects';
import type { Attachment, AttachmentEnd, StartRequest } from '@app/supervisor';
import { aRequest, START } from '@app/supervisor/testing';
import type { Instance } from '@app/commands';
import type { CommandExecutor } from '../src/application/command-executor.js';

export interface ExecutorPlace {
  readonly executor: CommandExecutor;
  /** A project that takes commands. */
  readonly project: string;
}

/**
 * What the runner relies on, wherever commands run. Output, endings and kills in detail are covered by the supervisor's
 * own tests.
 * @param place called once, before the first test
 */
export function describeCommandExecutor(name: string, place: () => Promise<ExecutorPlace>): void {
  describe(`CommandExecutor: ${name}`, () => {
    const { signal } = new AbortController();
    const waiting = { program: { script: 'echo ready; exec sleep 300' } };
    let executor: CommandExecutor;
    let project: string;
    let instance: Instance;

    beforeAll(async () => {
      ({ executor, project } = await place());
      instance = await executor.locate(project, null);
    });

    const start = (request: StartRequest): Attachment => executor.start(instance, request, START, signal);
    async function read(attachment: Attachment): Promise<{ text: string; end: AttachmentEnd }> {
      let text = '';
      for await (const { data } of attachment.chunks) text += data.toString();
      return { text, end: await attachment.end };
    }
    /** Starts a command that continues after its attachment was closed. */
    async function running(over: Partial<StartRequest> = waiting): Promise<string> {
      const request = aRequest(over);
      const attachment = start(request);
      for await (const { data } of attachment.chunks) if (data.includes('ready')) break;
      attachment.close();
      return request.commandId;
    }
    const ended = async (commandId: string): Promise<void> => {
      await read(executor.attach(instance, commandId, START, signal));
    };

    it('binds commands to an instance, which stays the same while it exists', async () => {
      expect(await executor.locate(project, null)).toEqual(instance);
      expect(await executor.instances(project)).toContainEqual(instance);
      expect(await executor.observe(instance)).toEqual({ kind: 'present' });
      await expect(executor.locate('absent', null)).rejects.toThrow(ProjectNotRunning);
    });

    it('starts a command, and follows it to its record', async () => {
      const attachment = start(aRequest({ program: { script: 'echo out; echo err >&2; exit 3' } }));
      expect(await attachment.opened).toBe('started');
      const { text, end } = await read(attachment);
      expect(text.split('\n').sort()).toEqual(['', 'err', 'out']);
      expect(end).toMatchObject({ kind: 'ended', record: { reason: 'exited', exitCode: 3 } });
      await attachment.acknowledge();
    });

    it('starts it once, whatever the number of attempts', async () => {
      const request = aRequest({ program: { script: 'echo $$' } });
      const attachments = [start(request), start(request)];
      const opened = await Promise.all(attachments.map(({ opened }) => opened));
      expect(opened.sort()).toEqual(['started', 'taken']);
      const [first, second] = await Promise.all(attachments.map(read));
      expect(first?.text).toMatch(/^\d+\n$/);
      expect(second?.text).toBe(first?.text);
    });

    it('attaches where the reader left off', async () => {
      const request = aRequest({ program: { script: 'printf 12345' } });
      await read(start(request));
      const { text } = await read(executor.attach(instance, request.commandId, { stdout: 3, stderr: 0 }, signal));
      expect(text).toBe('45');
    });

    it('sends signals while there is a process to receive them', async () => {
      const commandId = await running();
      expect(await executor.signal(instance, commandId, 'TERM')).toBe('sent');
      await ended(commandId);
      expect(await executor.signal(instance, commandId, 'TERM')).toBe('ended');
    });

    it('writes to an open stdin, and reports when nothing reads it any more', async () => {
      const commandId = await running({ program: { script: 'echo ready; cat' }, stdin: { kind: 'open' } });
      const write = (text: string, eof: boolean) =>
        executor.write(instance, commandId, { data: Buffer.from(text), offset: null, eof });
      expect(await write('abc', false)).toEqual({ kind: 'accepted', offset: 3 });
      expect(await write('d', true)).toEqual({ kind: 'accepted', offset: 4 });
      const { text } = await read(executor.attach(instance, commandId, { stdout: 6, stderr: 0 }, signal));
      expect(text).toBe('abcd');
      expect(await write('e', false)).toBeNull();
    });

    it('kills a command with everything it started, and reports it', async () => {
      const commandId = await running({ program: { script: 'sleep 300 & echo ready; exec sleep 300' } });
      expect(await executor.cancel(instance, commandId, 0)).toMatchObject({ killVerified: true, survivors: 0 });
      await ended(commandId);
      expect(await executor.cancel(instance, commandId, 0)).toBeNull();
    });

    it('returns the running commands when it removes ended ones', async () => {
      const [runs, over] = [await running(), await running({ program: { script: 'echo ready' } })];
      await ended(over);
      await until(async () => !(await executor.sweep(instance, 3_600)).includes(over));
      expect(await executor.sweep(instance, 3_600)).toContain(runs);
      await executor.cancel(instance, runs, 0);
    });

    it('leaves no process of a project that ends', async () => {
      expect(await executor.reap(project)).toBe(0);
    });
  });
}

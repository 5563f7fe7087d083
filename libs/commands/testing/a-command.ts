import { type Actor, newId } from '@app/kernel';
import type { ExitRecord } from '@app/supervisor';
import { type Command, type Instance, type NewCommand, outlineOf } from '../src/domain/command.js';

type NewTraits = Partial<Omit<NewCommand, 'spec'>> & { readonly spec?: Partial<NewCommand['spec']> };

export function aCreator(keyId: string | null = newId('key')): Actor {
  return { keyId, ip: '192.0.2.1', userAgent: 'curl', requestId: 'req_1', traceId: 'a'.repeat(32) };
}

/** A new command as the service queues it: `sh` that says hello. */
export function aNewCommand({ spec, ...traits }: NewTraits = {}): NewCommand {
  return {
    id: newId('cmd'),
    projectId: 'web',
    keyId: newId('key'),
    labels: {},
    priority: 'normal',
    lock: null,
    traceparent: null,
    queueTimeoutSeconds: null,
    creator: aCreator(traits.keyId ?? null),
    ...traits,
    spec: {
      work: { type: 'shell', script: 'echo hello' },
      cwd: null,
      container: null,
      env: {},
      stdin: { kind: 'none' },
      timeoutSeconds: 3600,
      noOutputTimeoutSeconds: null,
      outputBytesMax: 64 * 1024 * 1024,
      keepBackground: false,
      ...spec,
    },
  };
}

/** A running command. */
export function aCommand(traits: Partial<Command> = {}): Command {
  const { queueTimeoutSeconds: _unused, creator: _creator, ...created } = aNewCommand();
  const spec = traits.spec ?? created.spec;
  return {
    ...created,
    type: spec.work.type,
    outline: outlineOf(spec),
    status: 'running',
    createdAt: new Date(),
    queueExpiresAt: null,
    admittedAt: new Date(),
    startedAt: new Date(),
    firstByteAt: null,
    endedAt: null,
    unreachableSince: null,
    cancel: null,
    instance: anInstance(),
    position: { stdout: 0, stderr: 0 },
    stdinBytes: null,
    result: null,
    ...traits,
  };
}

export function anInstance(traits: Partial<Instance> = {}): Instance {
  return {
    id: newId('req'),
    containerId: null,
    pod: null,
    container: null,
    node: null,
    spoolDirectory: null,
    ...traits,
  };
}

/** The record of a command that exited with 0 and wrote nothing. */
export function anExitRecord(traits: Partial<ExitRecord> = {}): ExitRecord {
  const produced = traits.produced ?? { stdout: 0, stderr: 0 };
  return {
    reason: 'exited',
    exitCode: 0,
    signal: null,
    detail: null,
    durationMs: 12,
    cpuMs: 3,
    produced,
    stored: produced,
    kill: null,
    leftKilled: 0,
    ...traits,
  };
}

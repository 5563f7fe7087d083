import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { InvalidInput } from '@app/kernel';
import { Workspaces, runProgram } from '@app/local';
import { Injectable } from '@nestjs/common';
import { ProjectRuntime } from '../../application/project-runtime.js';
import type { Condition, ManagedProject, ObservedProject, ProjectSpec } from '../../domain/project.js';

const CLONE_TIMEOUT_MS = 15 * 60_000;
const RUNNING: Condition = { status: 'running', reason: null };

/** A project is a directory of this machine. Its state is what the repository says. */
@Injectable()
export class LocalProjectRuntime extends ProjectRuntime {
  readonly kind = 'local';
  readonly stale = false;

  constructor(private readonly workspaces: Workspaces) {
    super();
  }

  observed(): readonly ObservedProject[] {
    return [];
  }

  find(): ObservedProject | null {
    return null;
  }

  lastSeen(): ObservedProject | null {
    return null;
  }

  validate(spec: ProjectSpec): void {
    const { image, pullSecretName, gitSecretName, envFrom, resources, storage, egress, ttlSeconds, idleStopSeconds } =
      spec;
    const given = {
      ...{ image, pullSecretName, gitSecretName, envFrom: envFrom.length > 0 ? envFrom : null, resources, storage },
      ...{ egress, ttlSeconds, idleStopSeconds, wakeOnCommand: spec.wakeOnCommand ? null : false },
    };
    const fields = Object.entries(given).filter(([, value]) => value !== null);
    if (fields.length === 0) return;
    throw new InvalidInput(
      fields.map(([name]) => ({ pointer: `#/${name}`, detail: 'is not for projects of the local runtime' })),
    );
  }

  /** What cannot be cloned is tried again, each time it is looked at: the repository may be there by then. */
  async reconcile(project: ManagedProject, signal: AbortSignal): Promise<Condition> {
    if (project.desired === 'stopped') return { status: 'stopped', reason: null };
    try {
      await this.provision(project, signal);
      return RUNNING;
    } catch (error) {
      signal.throwIfAborted();
      return { status: 'failed', reason: error instanceof Error ? error.message : 'it could not be made' };
    }
  }

  async remove({ id, keepStorage }: ManagedProject): Promise<boolean> {
    const directory = this.workspaces.directory(id);
    await rm(`${directory}.cloning`, { recursive: true, force: true });
    if (!keepStorage) await rm(directory, { recursive: true, force: true });
    return true;
  }

  async check(): Promise<void> {
    await this.workspaces.ensure();
  }

  onChange(): () => void {
    return () => undefined;
  }

  private async provision({ id, gitUrl, gitRef }: ManagedProject, signal: AbortSignal): Promise<void> {
    const directory = this.workspaces.directory(id);
    if (gitUrl === null) {
      await mkdir(directory, { recursive: true });
      return;
    }
    if ((await stat(directory).catch(() => null)) !== null) return;
    // Cloned beside and moved into place: a crash leaves no half of a clone that looks like a whole.
    const temporary = `${directory}.cloning`;
    await rm(temporary, { recursive: true, force: true });
    await this.clone(gitUrl, gitRef, temporary, signal);
    await rename(temporary, directory);
  }

  private async clone(url: string, ref: string | null, directory: string, signal: AbortSignal): Promise<void> {
    const env = {
      ...this.workspaces.environment,
      GIT_TERMINAL_PROMPT: '0',
      GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh',
      GIT_SSH_COMMAND: 'ssh -oBatchMode=yes',
    };
    const options = { env, signal, timeoutMs: CLONE_TIMEOUT_MS };
    await runProgram('git', ['clone', '--quiet', '--', url, directory], options);
    if (ref !== null) await runProgram('git', ['-C', directory, 'checkout', '--quiet', ref, '--'], options);
  }
}

import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { InvalidInput } from '@app/kernel';
import { Workspaces, exhausted, runProgram } from '@app/local';
import { Injectable, Logger } from '@nestjs/common';
import { ProjectRuntime } from '../../application/project-runtime.js';
import type { Condition, ManagedProject, ObservedProject, ProjectSpec } from '../../domain/project.js';

const CLONE_TIMEOUT_MS = 15 * 60_000;
/**
 * Reported until a client starts, restarts or deletes the project, so that no client mistakes an empty directory for
 * its files. Compared with stored reasons, so the text must not change.
 */
const GONE = 'its directory is gone, with all files; a start or restart makes it again';
const RUNNING: Condition = { status: 'running', reason: null };

/** A project is a directory of this machine. Its desired state is in the repository. */
@Injectable()
export class LocalProjectRuntime implements ProjectRuntime {
  readonly kind = 'local';
  readonly isInstant = true;
  readonly isRemote = false;
  readonly hasContainers = false;
  readonly stale = false;
  readonly outage = null;
  private readonly logger = new Logger(LocalProjectRuntime.name);

  constructor(private readonly workspaces: Workspaces) {}

  observed(): readonly ObservedProject[] {
    return [];
  }

  find(): ObservedProject | null {
    return null;
  }

  lastSeen(): ObservedProject | null {
    return null;
  }

  directoryOf(id: string): string {
    return this.workspaces.directory(id);
  }

  validate(spec: Omit<ProjectSpec, 'env'>): void {
    const { image, pullSecretName, gitSecretName, envFrom, resources, storage, egress, ttlSeconds, idleStopSeconds } =
      spec;
    const given = {
      ...{ image, pullSecretName, gitSecretName, envFrom: envFrom.length > 0 ? envFrom : null, resources, storage },
      ...{ egress, ttlSeconds, idleStopSeconds, wakeOnCommand: spec.wakeOnCommand ? null : false },
    };
    const fields = Object.entries(given).filter(([, value]) => value !== null);
    if (fields.length === 0) return;
    throw new InvalidInput(
      fields.map(([name]) => ({ pointer: `#/${name}`, detail: 'is not supported by the local runtime' })),
    );
  }

  /** An existing directory belongs to the project: it may have been kept for it. */
  assertFree(): Promise<void> {
    return Promise.resolve();
  }

  /** A failed clone is retried at each reconciliation: the repository may exist by then. */
  async reconcile(project: ManagedProject, signal: AbortSignal): Promise<Condition> {
    if (project.desired === 'stopped') return { status: 'stopped', reason: null };
    if (wasCreated(project) && !(await exists(this.workspaces.directory(project.id)))) {
      return { status: 'failed', reason: GONE };
    }
    try {
      await this.provision(project, signal);
      return RUNNING;
    } catch (error) {
      signal.throwIfAborted();
      const reason = exhausted(error);
      if (reason !== null) this.logger.error({ err: error, projectId: project.id }, reason);
      return {
        status: 'failed',
        reason: reason ?? (error instanceof Error ? error.message : 'it could not be created'),
      };
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
    if (await exists(directory)) return;
    // Cloned next to its place and then moved: a crash leaves no partial clone that looks complete.
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

function wasCreated({ status, reason }: ManagedProject): boolean {
  return status === 'running' || (status === 'failed' && reason === GONE);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

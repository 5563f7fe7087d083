import { mkdir, rename, rm } from 'node:fs/promises';
import { Workspaces, runProgram } from '@app/local';
import { Injectable } from '@nestjs/common';
import { ProjectRuntime } from '../../application/project-runtime.js';
import type { ManagedProject, ObservedProject } from '../../domain/project.js';

const CLONE_TIMEOUT_MS = 15 * 60_000;

/** A project is a directory of this machine. Its state is what the repository says. */
@Injectable()
export class LocalProjectRuntime extends ProjectRuntime {
  readonly kind = 'local';
  readonly canCreate = true;
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

  async provision({ id, gitUrl, gitRef }: ManagedProject, signal: AbortSignal): Promise<void> {
    const directory = this.workspaces.directory(id);
    if (gitUrl === null) {
      await mkdir(directory, { recursive: true });
      return;
    }
    // Cloned beside and moved into place: a crash leaves no half of a clone that looks like a whole.
    const temporary = `${directory}.cloning`;
    await rm(temporary, { recursive: true, force: true });
    await this.clone(gitUrl, gitRef, temporary, signal);
    await rm(directory, { recursive: true, force: true });
    await rename(temporary, directory);
  }

  async dispose(id: string): Promise<void> {
    const directory = this.workspaces.directory(id);
    await rm(`${directory}.cloning`, { recursive: true, force: true });
    await rm(directory, { recursive: true, force: true });
  }

  async check(): Promise<void> {
    await this.workspaces.ensure();
  }

  onChange(): () => void {
    return () => undefined;
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

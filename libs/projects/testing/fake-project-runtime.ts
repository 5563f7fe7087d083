import type { Unavailable } from '@app/kernel';
import { type ProjectRuntime } from '../src/application/project-runtime.js';
import type { Finding, ManagedProject, ObservedProject, RuntimeKind } from '../src/domain/project.js';

/** A runtime whose observations and results are set by the test. By default it immediately does what is desired. */
export class FakeProjectRuntime implements ProjectRuntime {
  kind: RuntimeKind = 'local';
  isInstant = true;
  isRemote = false;
  hasContainers = true;
  stale = false;
  outage: Unavailable | null = null;
  readonly made = new Set<string>();
  readonly seen = new Map<string, ObservedProject>();
  onReconcile: (project: ManagedProject, signal: AbortSignal) => Promise<Finding | null> = () => Promise.resolve(null);
  onRemove: (project: ManagedProject) => Promise<boolean> = () => Promise.resolve(true);
  onAssertFree: () => Promise<void> = () => Promise.resolve();
  onValidate: () => void = () => undefined;
  private readonly listeners = new Set<(id: string) => void>();

  observed(): readonly ObservedProject[] {
    return [...this.seen.values()];
  }

  find(id: string): ObservedProject | null {
    return this.seen.get(id) ?? null;
  }

  lastSeen(id: string): ObservedProject | null {
    return this.find(id);
  }

  directoryOf(): string {
    return '/workspace';
  }

  validate(): void {
    this.onValidate();
  }

  assertFree(): Promise<void> {
    return this.onAssertFree();
  }

  async reconcile(project: ManagedProject, signal: AbortSignal): Promise<Finding> {
    const condition = await this.onReconcile(project, signal);
    this.made.add(project.id);
    return condition ?? { status: project.desired, reason: null };
  }

  async remove(project: ManagedProject): Promise<boolean> {
    if (!(await this.onRemove(project))) return false;
    this.made.delete(project.id);
    return true;
  }

  check(): Promise<void> {
    return Promise.resolve();
  }

  onChange(listener: (id: string) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** Simulates an observed change of a project. */
  change(id: string): void {
    for (const listener of this.listeners) listener(id);
  }
}

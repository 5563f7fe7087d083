import { ProjectRuntime } from '../src/application/project-runtime.js';
import type { ManagedProject, ObservedProject, RuntimeKind } from '../src/domain/project.js';

/** A runtime in which the test says what is seen, and how provisioning goes. */
export class FakeProjectRuntime extends ProjectRuntime {
  kind: RuntimeKind = 'local';
  canCreate = true;
  stale = false;
  readonly provisioned = new Set<string>();
  readonly seen = new Map<string, ObservedProject>();
  onProvision: (project: ManagedProject, signal: AbortSignal) => Promise<void> = () => Promise.resolve();
  onDispose: (id: string) => Promise<void> = () => Promise.resolve();
  private readonly listeners = new Set<(project: ObservedProject) => void>();

  observed(): readonly ObservedProject[] {
    return [...this.seen.values()];
  }

  find(id: string): ObservedProject | null {
    return this.seen.get(id) ?? null;
  }

  async provision(project: ManagedProject, signal: AbortSignal): Promise<void> {
    await this.onProvision(project, signal);
    this.provisioned.add(project.id);
  }

  async dispose(id: string): Promise<void> {
    await this.onDispose(id);
    this.provisioned.delete(id);
  }

  check(): Promise<void> {
    return Promise.resolve();
  }

  onChange(listener: (project: ObservedProject) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** The runtime sees that a project has changed. */
  change(project: ObservedProject): void {
    this.seen.set(project.id, project);
    for (const listener of this.listeners) listener(project);
  }
}

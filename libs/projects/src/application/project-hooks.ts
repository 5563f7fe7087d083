import { Injectable } from '@nestjs/common';

export interface Leave {
  readonly projectId: string;
  readonly before: Date | null;
  /** Shown to clients as the reason why their commands ended. */
  readonly why: string;
}

/** Uses projects, and is involved when one stops. It registers itself, since projects do not know their dependents. */
export interface ProjectDependent {
  /** Ends everything that began before this time (null: all), and waits within limits until it has ended. */
  leave(leave: Leave, signal: AbortSignal): Promise<void>;
  /** Whether it has anything waiting or running. */
  isActive(projectId: string): Promise<boolean>;
  /** The project is running and can be used. */
  onRunning(projectId: string): void;
}

/** Notifies the dependents of projects. */
@Injectable()
export class ProjectHooks {
  private readonly dependents: ProjectDependent[] = [];
  private readonly deletions: ((projectId: string) => Promise<void>)[] = [];

  add(dependent: ProjectDependent): void {
    this.dependents.push(dependent);
  }

  addDeletion(work: (projectId: string) => Promise<void>): void {
    this.deletions.push(work);
  }

  async onDelete(projectId: string): Promise<void> {
    for (const work of this.deletions) await work(projectId);
  }

  async leave(leave: Leave, signal: AbortSignal): Promise<void> {
    for (const dependent of this.dependents) await dependent.leave(leave, signal);
  }

  async isActive(projectId: string): Promise<boolean> {
    for (const dependent of this.dependents) if (await dependent.isActive(projectId)) return true;
    return false;
  }

  onRunning(projectId: string): void {
    for (const dependent of this.dependents) dependent.onRunning(projectId);
  }
}

import { Injectable } from '@nestjs/common';

export interface Leave {
  readonly projectId: string;
  readonly before: Date | null;
  /** In words, for those who ask why it ended. */
  readonly why: string;
}

/** What uses projects, and has a say when one stops. It registers itself, as projects know nothing of it. */
export interface ProjectUser {
  /** Ends what of it began before that time (null: all), and waits within limits until it has ended. */
  leave(leave: Leave, signal: AbortSignal): Promise<void>;
  /** Whether any of it waits or runs. */
  isActive(projectId: string): Promise<boolean>;
  /** The project runs, and can be used. */
  onRunning(projectId: string): void;
}

/** Tells the users of projects what happens to them. */
@Injectable()
export class ProjectHooks {
  private readonly users: ProjectUser[] = [];
  private readonly deletions: ((projectId: string) => Promise<void>)[] = [];

  add(user: ProjectUser): void {
    this.users.push(user);
  }

  addDeletion(work: (projectId: string) => Promise<void>): void {
    this.deletions.push(work);
  }

  async onDelete(projectId: string): Promise<void> {
    for (const work of this.deletions) await work(projectId);
  }

  async leave(leave: Leave, signal: AbortSignal): Promise<void> {
    for (const user of this.users) await user.leave(leave, signal);
  }

  async isActive(projectId: string): Promise<boolean> {
    for (const user of this.users) if (await user.isActive(projectId)) return true;
    return false;
  }

  onRunning(projectId: string): void {
    for (const user of this.users) user.onRunning(projectId);
  }
}

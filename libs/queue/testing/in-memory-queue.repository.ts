import { type Command, PRIORITIES, type Priority } from '@app/commands';
import type { InMemoryCommandRepository } from '@app/commands/testing';
import { type Page, type PageRequest, decodeCursor, maySeeProject, toPage } from '@app/kernel';
import { type Backlog, type ProjectQueue, type QueueRepository } from '../src/application/queue.repository.js';

/** The queues in memory, on the rows of the commands. */
export class InMemoryQueueRepository implements QueueRepository {
  /** '' means all. */
  private readonly paused = new Set<string>();

  constructor(private readonly commands: InMemoryCommandRepository) {}

  async pause(projectId: string | null): Promise<boolean> {
    const isNew = !this.paused.has(projectId ?? '');
    this.paused.add(projectId ?? '');
    return isNew;
  }

  async resume(projectId: string | null): Promise<boolean> {
    return this.paused.delete(projectId ?? '');
  }

  async isPaused(projectId: string | null): Promise<boolean> {
    return this.paused.has(projectId ?? '');
  }

  async list(projects: readonly string[] | null, { limit, cursor }: PageRequest): Promise<Page<ProjectQueue>> {
    const [after] = cursor === undefined ? [''] : decodeCursor(cursor, 'string');
    const unended = this.all.filter(({ status }) => ['queued', 'starting', 'running'].includes(status));
    const ids = new Set([...this.paused, ...unended.map(({ projectId }) => projectId)]);
    const found = [...ids].filter((id) => id > after && maySeeProject({ projects }, id)).sort();
    return toPage(found.map((id) => this.queueOf(id, unended)), limit, ({ projectId }) => [projectId]); // prettier-ignore
  }

  async depths(): Promise<Readonly<Record<Priority, number>>> {
    return forEachPriority((priority) => this.all.filter((it) => it.status === 'queued' && it.priority === priority).length); // prettier-ignore
  }

  private get all(): Command[] {
    return [...this.commands.rows.values()].map(({ command }) => command);
  }

  private queueOf(projectId: string, unended: readonly Command[]): ProjectQueue {
    const own = unended.filter((command) => command.projectId === projectId);
    const queued = own.filter(({ status }) => status === 'queued');
    return {
      projectId,
      isPaused: this.paused.has(projectId),
      running: own.length - queued.length,
      ...backlog(queued),
      priorities: forEachPriority((priority) => backlog(queued.filter((command) => command.priority === priority))),
    };
  }
}

function backlog(queued: readonly Command[]): Backlog {
  const oldest = Math.min(...queued.map(({ createdAt }) => createdAt.getTime()));
  return { depth: queued.length, oldestWaitSeconds: queued.length === 0 ? null : (Date.now() - oldest) / 1000 };
}

function forEachPriority<T>(value: (priority: Priority) => T): Record<Priority, T> {
  return Object.fromEntries(PRIORITIES.map((name) => [name, value(name)])) as Record<Priority, T>;
}

import type { Caller, Scope } from './caller.js';

/** The requirements for opening an event stream. */
export interface StreamRoute {
  readonly scope: Scope;
  /** Returns the project that the stream is about. @throws {@link NotFound} if the caller may not see the stream */
  authorize(id: string, caller: Caller): Promise<{ readonly projectId: string }>;
}

/** Registry of the event streams that a ticket can open. Each feature adds its own. */
export class StreamRoutes {
  private readonly routes: { readonly pattern: RegExp; readonly route: StreamRoute }[] = [];

  /** @param path contains `:id`, such as `/v1/commands/:id/events` */
  add(path: string, route: StreamRoute): void {
    this.routes.push({ pattern: new RegExp(`^${path.replace(':id', '([\\w-]+)')}$`), route });
  }

  /** Null: there is no such stream. Matches the exact spelling only. */
  find(path: string): { readonly route: StreamRoute; readonly id: string } | null {
    for (const { pattern, route } of this.routes) {
      const id = pattern.exec(path)?.[1];
      if (id !== undefined) return { route, id };
    }
    return null;
  }
}

import type { Caller, Scope } from './caller.js';

/** What it takes to open an event stream. */
export interface StreamRoute {
  readonly scope: Scope;
  /** @throws {@link NotFound} if the caller may not see what is streamed */
  authorize(id: string, caller: Caller): Promise<unknown>;
}

/** The event streams that a ticket can open. Features add theirs; whoever issues tickets looks here. */
export class StreamRoutes {
  private readonly routes: { readonly pattern: RegExp; readonly route: StreamRoute }[] = [];

  /** @param path with `:id` in it, such as `/v1/commands/:id/events` */
  add(path: string, route: StreamRoute): void {
    this.routes.push({ pattern: new RegExp(`^${path.replace(':id', '([\\w-]+)')}$`), route });
  }

  /** Null: there is no such stream. Exact: another way to write the same path is another path. */
  find(path: string): { readonly route: StreamRoute; readonly id: string } | null {
    for (const { pattern, route } of this.routes) {
      const id = pattern.exec(path)?.[1];
      if (id !== undefined) return { route, id };
    }
    return null;
  }
}

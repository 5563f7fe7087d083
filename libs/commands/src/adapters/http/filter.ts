import type { CommandFilter } from '../../application/command.repository.js';
import type { ListCommandsQuery } from './commands.dto.js';

export function toFilter(query: ListCommandsQuery): Omit<CommandFilter, 'visibleProjects'> {
  const { projectId, status, type, keyId, label, since, until } = query;
  return {
    projectId,
    statuses: status,
    type,
    keyId,
    labels: Object.fromEntries((label ?? []).map((pair) => splitAt(pair, pair.indexOf('=')))),
    since: since === undefined ? undefined : new Date(since),
    until: until === undefined ? undefined : new Date(until),
  };
}

function splitAt(text: string, index: number): [string, string] {
  return [text.slice(0, index), text.slice(index + 1)];
}

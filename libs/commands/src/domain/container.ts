import { InvalidInput } from '@app/kernel';
import type { CommandSpec } from './command.js';

/** @throws {@link InvalidInput} if it names a container but the runtime has none */
export function checkContainer({ container }: Pick<CommandSpec, 'container'>, hasContainers: boolean): void {
  if (container === null || hasContainers) return;
  throw new InvalidInput([{ pointer: '#/container', detail: 'must be left out: the local runtime has no containers' }]);
}

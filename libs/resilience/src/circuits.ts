import type { Circuit } from './circuit.js';

/** The circuit breakers of this replica that operators see, by name. */
export class Circuits {
  private readonly byName = new Map<string, Circuit>();

  add(name: string, circuit: Circuit): void {
    this.byName.set(name, circuit);
  }

  all(): ReadonlyMap<string, Pick<Circuit, 'state' | 'openSince'>> {
    return this.byName;
  }
}

import type { CommandSpec } from '../domain/command.js';
import type { Rejection } from '../domain/rejection.js';

export interface RulesSubject {
  readonly projectId: string;
  readonly keyId: string;
  readonly spec: Pick<CommandSpec, 'work' | 'env' | 'cwd' | 'container'>;
  /** The project's directory, absolute. */
  readonly directory: string;
}

/** Decides what may run. */
export abstract class CommandRules {
  /** Null: it may. */
  abstract rejection(subject: RulesSubject): Rejection | null;
}

import type { CommandSpec } from '../domain/command.js';
import type { Rejection } from '../domain/rejection.js';

export interface RulesSubject {
  readonly projectId: string;
  readonly keyId: string;
  readonly spec: Pick<CommandSpec, 'work' | 'env' | 'cwd' | 'container'>;
  /** Absolute path of the project's directory. */
  readonly directory: string;
}

/** Decides which commands may run. */
export abstract class CommandRules {
  /** Null if it may run. */
  abstract rejection(subject: RulesSubject): Rejection | null;
}

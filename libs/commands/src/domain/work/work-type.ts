import type { InvalidField } from '@app/kernel';

/** What is run: a script as a file, or a program with exactly these arguments. */
export type Program = { readonly script: string } | { readonly argv: readonly string[] };

/** A field of the request: a text of at most 1 MiB, or a list of arguments. Required, and not empty. */
export type WorkField = { readonly description: string } & (
  { readonly kind: 'text'; readonly example: string } | { readonly kind: 'arguments'; readonly example: string[] }
);

/** A type of command. HTTP, policy, execution and OpenAPI read it from the table of types. */
export interface WorkType<W extends { readonly type: string }> {
  /** Fields that the request has for this type only. */
  readonly fields: Readonly<Record<Exclude<keyof W, 'type'>, WorkField>>;
  /** A request that can be sent as it is. */
  readonly example: { readonly summary: string; readonly value: W };
  /** The guard-rail for git applies whatever the policy says. */
  readonly isGuarded: boolean;
  program(work: W): Program;
  /** What is wrong although each field by itself is valid. */
  faults?(work: W): readonly InvalidField[];
}

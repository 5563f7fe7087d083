import type { InvalidField } from '@app/kernel';

/** What to run: a script as a file, or a program with exactly these arguments. */
export type Program = { readonly script: string } | { readonly argv: readonly string[] };

/** A field of the request: a text of at most 1 MiB, or a list of arguments. Required and not empty. */
export type WorkField = { readonly description: string } & (
  { readonly kind: 'text'; readonly example: string } | { readonly kind: 'arguments'; readonly example: string[] }
);

/** A type of command. HTTP, policy, execution and OpenAPI read it from the table of types. */
export interface WorkType<W extends { readonly type: string }> {
  /** Request fields that only this type has. */
  readonly fields: Readonly<Record<Exclude<keyof W, 'type'>, WorkField>>;
  /** A request that works unchanged. */
  readonly example: { readonly summary: string; readonly value: W };
  /** Whether the git guard-rail applies, whatever the policy says. */
  readonly isGuarded: boolean;
  program(work: W): Program;
  /** Errors of a combination of fields that are each valid. */
  faults?(work: W): readonly InvalidField[];
}

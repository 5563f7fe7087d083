/** Says why git is not run; ends a sentence that is shown to the client. */
export class GitRefused extends Error {}

/** Of what a client sent, as much as helps to find it. */
export function shown(text: string): string {
  return `"${text.length > 40 ? `${text.slice(0, 40)}…` : text}"`;
}

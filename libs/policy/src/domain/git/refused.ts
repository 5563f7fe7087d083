/** Why git is not run; completes a sentence shown to the client. */
export class GitRefused extends Error {}

/** Client input, shortened for a message. */
export function shown(text: string): string {
  return `"${text.length > 40 ? `${text.slice(0, 40)}…` : text}"`;
}

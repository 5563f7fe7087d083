import { isOutage, outageMessage } from '@app/database';
import { StartRefused } from '@app/kernel';

/**
 * Describes why rdev could not start. Expected errors need only their message; others need the stack, but not their
 * fields, which contain statements and values.
 */
export function startFailure(error: unknown): string {
  if (!(error instanceof Error)) return 'The thrown value is not an Error.';
  if (error instanceof StartRefused) return error.message;
  return isOutage(error)
    ? `${outageMessage(error).replace(/\.$/, '')}: ${reasons(error).join('; ')}`
    : (error.stack ?? error.message);
}

/** One for each address of a host that has several. */
function reasons(error: Error): string[] {
  return error instanceof AggregateError ? error.errors.map((each) => (each as Error).message) : [error.message];
}

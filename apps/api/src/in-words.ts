import { isOutage, outageWords } from '@app/database';
import { StartRefused } from '@app/kernel';

/**
 * Why a start failed. Some errors say all there is to say; any other needs its stack, but not its fields, which hold
 * statements and values.
 */
export function inWords(error: unknown): string {
  if (!(error instanceof Error)) return 'What was thrown is no error.';
  if (error instanceof StartRefused) return error.message;
  return isOutage(error)
    ? `${outageWords(error).replace(/\.$/, '')}: ${reasons(error).join('; ')}`
    : (error.stack ?? error.message);
}

/** Of a host with several addresses, one for each. */
function reasons(error: Error): string[] {
  return error instanceof AggregateError ? error.errors.map((each) => (each as Error).message) : [error.message];
}

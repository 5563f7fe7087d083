import { type AuditDigest, canonicalJson } from '@app/kernel';
import type { CommandSpec } from './command.js';
import { redact } from './redaction.js';
import { programOf } from './work/index.js';

const TEXT_BYTES_MAX = 4_096;
const NAMES_BYTES_MAX = 1_024;

/**
 * What the audit keeps of what a command runs: its text without secrets, the names of its variables, and a keyed digest
 * of the original.
 */
export function auditDetails({ work, env }: CommandSpec, digests: AuditDigest): Readonly<Record<string, unknown>> {
  const program = programOf(work);
  const isScript = 'script' in program;
  const { parts, isCut } = redact(isScript ? [program.script] : program.argv, Object.values(env), TEXT_BYTES_MAX);
  const digest = digests.digest(canonicalJson(work));
  return {
    ...(isScript ? { script: parts[0] ?? '' } : { argv: parts }),
    ...(isCut && { isCut }),
    env: namesOf(env),
    ...(digest && { digest }),
  };
}

function namesOf(env: CommandSpec['env']): readonly string[] {
  let left = NAMES_BYTES_MAX;
  return Object.keys(env).filter((name) => (left -= Buffer.byteLength(name)) >= 0);
}

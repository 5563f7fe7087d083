import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { ExportVerifier, type KeptCheckpoint, isCheckpoint, readPublicKey } from '@app/audit';

const USAGE = `npm run audit:verify -- EXPORT.ndjson [--key PUBLIC.pem]… [--checkpoint CHECKPOINT.json]… [--partial]

Verifies an export of the audit log (GET /v1/audit/export?format=ndjson) without rdev and its database.
  --key         a public key that you trust (GET /v1/audit/checkpoints/key); without one, signatures are not checked
  --checkpoint  a checkpoint that you kept elsewhere: from GET /v1/audit/checkpoints, a webhook, or the log of rdev
  --partial     the export was filtered: records may be missing between others
Exit code: 0 nothing is wrong, 1 something is, 2 the files cannot be read`;

/** Exits with 0 if nothing is wrong, 1 if something is, 2 if the files cannot be read. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      key: { type: 'string', multiple: true },
      checkpoint: { type: 'string', multiple: true },
      partial: { type: 'boolean' },
    },
  });
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) throw new Error(USAGE);
  const keys = await Promise.all((values.key ?? []).map(async (path) => readPublicKey(await readFile(path, 'utf8'))));
  const kept = (await Promise.all((values.checkpoint ?? []).map(readCheckpoints))).flat();
  const verifier = new ExportVerifier({ keys, kept, isPartial: values.partial ?? false });
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity });
  const { checked, firstSeq, lastSeq, checkpoints, unchecked, fault } = await verifier.verify(lines);
  const span = firstSeq === null ? '' : `, ${String(firstSeq)} to ${String(lastSeq)}`;
  process.stdout.write(`Records that are as they were sealed: ${String(checked)}${span}\n`);
  process.stdout.write(`Checkpoints verified: ${String(checkpoints)}, not verified: ${String(unchecked)}\n`);
  if (firstSeq !== null && firstSeq > 1)
    process.stdout.write(`Nothing before the record ${String(firstSeq)} was verified.\n`);
  if (fault === null) return;
  const { seq, id, reason, detail } = fault;
  process.stderr.write(
    `The record ${String(seq)}${id === null ? '' : ` (${id})`} is not right (${reason}): ${detail}.\n`,
  );
  process.exitCode = 1;
}

/** Accepts a checkpoint as such, a page of them, or the message of a webhook about one. */
async function readCheckpoints(path: string): Promise<readonly KeptCheckpoint[]> {
  const read = JSON.parse(await readFile(path, 'utf8')) as { readonly data?: unknown } | null;
  const found = [read?.data ?? read].flat();
  if (found.length > 0 && found.every((each) => typeof each === 'object' && each !== null && isCheckpoint(each)))
    return found;
  throw new Error(`${path} contains no checkpoint.`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
});

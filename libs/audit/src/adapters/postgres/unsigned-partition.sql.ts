/**
 * Returns a row if the last record of a partition has no seal or, where the log is signed, no checkpoint: without it, the
 * records after the partition could not be verified once it is dropped. The time `$3` does not matter.
 */
export const UNSIGNED_PARTITION = `
  SELECT 1 FROM (SELECT seq, hash FROM events WHERE at >= $1 AND at < $2 ORDER BY seq DESC LIMIT 1) AS last
  WHERE $3::timestamptz IS NOT NULL AND (last.hash IS NULL OR EXISTS (SELECT FROM audit_keys)
    AND NOT EXISTS (SELECT FROM audit_checkpoints c WHERE c.seq = last.seq))`;

import { StartRefused } from '@app/kernel';

/** The embedded PostgreSQL cannot be used. The message is for the user of this machine and says what to do. */
export class EmbeddedPostgresUnavailable extends StartRefused {
  override readonly name: string = 'EmbeddedPostgresUnavailable';
}

/** Another running rdev owns the data directory. */
export class DataDirectoryInUse extends EmbeddedPostgresUnavailable {
  override readonly name = 'DataDirectoryInUse';

  constructor(
    dir: string,
    /** The other process; null: unknown. */
    readonly pid: number | null,
  ) {
    const who = pid === null ? 'Another rdev' : `Another rdev (process ${pid})`;
    super(`${who} is using ${dir}. Stop it, or choose another directory with RDEV_DATA_DIR.`);
  }
}

/** Whether it is a system error with one of the codes. Duck-typed: in Jest, Node's errors are from another realm. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && codes.includes(String(error.code));
}

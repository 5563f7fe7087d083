import { PAGE_BYTES_MAX } from '@app/kernel';

/**
 * Limits an ordered select to the bytes of a page; large columns are measured without being read. `hasMore` of each row
 * is true if rows were cut off.
 * @param columns the columns that can be large
 * @param order the unique order of the select
 */
export function withinPage(select: string, columns: readonly string[], order: string): string {
  const bytes = columns.map((column) => `coalesce(octet_length(${column}::text), 0)`).join(' + ');
  return `SELECT * FROM (
    SELECT *, bool_or(before >= ${String(PAGE_BYTES_MAX)}) OVER () AS "hasMore" FROM (
      SELECT *, sum(${bytes}) OVER (ORDER BY ${order}) - (${bytes}) AS before FROM (${select}) page
    ) measured
  ) page WHERE before < ${String(PAGE_BYTES_MAX)} ORDER BY ${order}`;
}

/** Converts globs, in which `*` stands for any characters, to patterns for LIKE ANY; null stays null. */
export function likePatterns(globs: readonly string[] | null): string[] | null {
  return globs?.map((glob) => glob.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%')) ?? null;
}

import { PAGE_BYTES_MAX } from '@app/kernel';

/**
 * Cuts a select, which has its own order and limit, before its rows are more than a page: the columns that can be large
 * are measured where they are and not read. Each row says in `hasMore` whether the select has rows after these.
 * @param columns those that can be large; nothing else in a row may be
 * @param order what the select is ordered by; unique
 */
export function withinPage(select: string, columns: readonly string[], order: string): string {
  const bytes = columns.map((column) => `coalesce(octet_length(${column}::text), 0)`).join(' + ');
  return `SELECT * FROM (
    SELECT *, bool_or(before >= ${String(PAGE_BYTES_MAX)}) OVER () AS "hasMore" FROM (
      SELECT *, sum(${bytes}) OVER (ORDER BY ${order}) - (${bytes}) AS before FROM (${select}) page
    ) measured
  ) page WHERE before < ${String(PAGE_BYTES_MAX)} ORDER BY ${order}`;
}

/** Patterns for LIKE ANY of globs in which `*` stands for any characters; null stays null. */
export function likePatterns(globs: readonly string[] | null): string[] | null {
  return globs?.map((glob) => glob.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%')) ?? null;
}

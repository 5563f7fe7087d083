/**
 * `now()` truncated to milliseconds, the precision of the columns. `now()` itself is rounded when stored, half of the
 * time upwards: a row due now would be due in the future, and a query that follows immediately would miss it.
 */
export const NOW = `date_trunc('milliseconds', now())`;

/** The same for `clock_timestamp()`, which advances within a transaction. */
export const THIS_MOMENT = `date_trunc('milliseconds', clock_timestamp())`;

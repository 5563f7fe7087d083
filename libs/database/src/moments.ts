/**
 * The present in whole milliseconds, as columns keep it. `now()` itself is rounded when it is stored, half of the time
 * upwards: what is due now would then be due later than now, and a look that follows at once would miss it.
 */
export const NOW = `date_trunc('milliseconds', now())`;

/** The same of `clock_timestamp()`, which goes on within a transaction. */
export const THIS_MOMENT = `date_trunc('milliseconds', clock_timestamp())`;

/** Every advisory lock, by its key in PostgreSQL: keys are never used again, as releases run side by side. */
export const LOCKS = {
  /**
   * Held by the API that owns an embedded server. libs/embedded-postgres has the same number, as it knows no other lib.
   */
  embeddedOwner: 7_236_869,
  /** One migration at a time. */
  migration: 7_236_870,
  /** Changes of partitions take turns. */
  partitions: 7_236_871,
  /** One replica at a time numbers events. */
  eventRelay: 7_236_872,
  /** With a hash of the project's id: additions to its queue, and changes of its order, take turns. */
  projectQueue: 7_236_874,
  /** Of two transactions that take rights from the last two administrators, one sees what the other did. */
  administrators: 7_236_876,
} as const;

/** The PostgreSQL keys of all advisory locks. Keys are never reused, since different releases run side by side. */
export const LOCKS = {
  /**
   * Held by the API that owns an embedded server. libs/embedded-postgres repeats the number, as it imports no other
   * lib.
   */
  embeddedOwner: 7_236_869,
  /** One migration at a time. */
  migration: 7_236_870,
  /** One change of partitions at a time. */
  partitions: 7_236_871,
  /** One replica at a time numbers events. */
  eventRelay: 7_236_872,
  /** With a hash of the project's id: one addition to its queue or change of its order at a time. */
  projectQueue: 7_236_874,
  /** Serialises transactions that remove rights of administrators, so that one is always left. */
  administrators: 7_236_876,
  /** One replica at a time signs the audit log. */
  checkpoints: 7_236_877,
} as const;

/** Tells the time. Rows and leases use the database's clock instead, which replicas share. */
export abstract class Clock {
  abstract now(): Date;
}

export class SystemClock extends Clock {
  now(): Date {
    return new Date();
  }
}

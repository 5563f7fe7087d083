/**
 * This installation of rdev, identified by an id that is generated once and stored in its database: replicas share it,
 * and it moves with the database. External objects are labelled with it, so that installs recognise their own.
 */
export class Install {
  constructor(readonly id: string) {}
}

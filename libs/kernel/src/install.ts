/**
 * This installation of rdev, by an id that was made once and is kept in its database: replicas share it, and it moves
 * with the database. What is made outside carries it, so that another install knows that it is not its own.
 */
export class Install {
  constructor(readonly id: string) {}
}

/** An expected reason why rdev cannot start; the message suffices for the operator. */
export abstract class StartRefused extends Error {}

/** Keeps rdev from starting; its message says all there is to say. */
export abstract class StartRefused extends Error {}

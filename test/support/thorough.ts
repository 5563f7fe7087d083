/**
 * Whether tests that try things at random are to try many: `.ci/run` sets it, and then `npm test` takes some minutes
 * more.
 */
export const THOROUGH = Boolean(process.env.TEST_THOROUGH);

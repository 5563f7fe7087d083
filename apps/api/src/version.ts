import manifest from '../../../package.json' with { type: 'json' };

/** Of rdev. */
export const VERSION = manifest.version;

/** Keys, tickets and secrets of webhooks. */
const SECRETS = /(?:rdev_[0-9A-Za-z]{1,16}_|rdevt_|whsec_)[\w+=-]*/g;

/** A path without the secrets that a client put in it by mistake. */
export function maskSecrets(path: string): string {
  return path.replace(SECRETS, '***');
}

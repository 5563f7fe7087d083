/** Keys, tickets and secrets of webhooks. */
const SECRETS = /(?:rdev_[0-9A-Za-z]{1,16}_|rdevt_|whsec_)[\w+=-]*/g;

/** Of a target in absolute form. @see RFC 9112, section 3.2.2 */
const USER_INFO = /\/\/[^/?#]*@/;

/** The path, or the target, of a request without the secrets that a client put in it by mistake. */
export function maskSecrets(path: string): string {
  return path.replace(USER_INFO, '//***@').replace(SECRETS, '***');
}

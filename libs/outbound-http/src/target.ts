import { isIP } from 'node:net';
import type { AddressRule } from './address-rule.js';

const URL_LENGTH_MAX = 2_048;

/** Ports of other protocols, to which no request goes. @see Fetch Standard, section 2.9 "Port blocking" */
const BLOCKED_PORTS = new Set(
  (
    '0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 123 ' +
    '135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993 ' +
    '995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080'
  )
    .split(' ')
    .map(Number),
);

/** Names of this machine. @see RFC 6761, section 6.3 */
const LOCALHOST = /(^|\.)localhost\.?$/i;
const LOOPBACK = ['127.0.0.1', '::1'];

/**
 * What is wrong with the address of a request, in words that continue "url …"; null: nothing that its text shows. The
 * addresses that its name resolves to are checked when a connection is made.
 */
export function whyNoTarget(text: string, mayConnect: AddressRule): string | null {
  if (text.length > URL_LENGTH_MAX) return `must have at most ${String(URL_LENGTH_MAX)} characters`;
  if (!URL.canParse(text)) return 'must be an absolute URL';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https:// or http://';
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or password';
  if (url.hash !== '') return 'must not contain a fragment';
  if (BLOCKED_PORTS.has(Number(url.port || NaN))) return `must not use port ${url.port}, which is of another protocol`;
  const address = addressIn(url);
  if (address !== null) return mayConnect(address) ? null : NOT_ALLOWED;
  return LOCALHOST.test(url.hostname) && !LOOPBACK.some(mayConnect) ? NOT_ALLOWED : null;
}

const NOT_ALLOWED = 'must not lead to a private, loopback or link-local address';

/** The address that the URL names itself. The URL parser has made decimal, octal and hexadecimal ones into four bytes. */
export function addressIn({ hostname }: URL): string | null {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(host) === 0 ? null : host;
}

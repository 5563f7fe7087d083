import { isIP } from 'node:net';
import type { AddressRule } from './address-rule.js';

const URL_LENGTH_MAX = 2_048;
/** @see RFC 1035, section 2.3.4 */
const HOST_LENGTH_MAX = 253;
const LABEL_LENGTH_MAX = 63;

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
  if (text.length > URL_LENGTH_MAX) return `must have at most ${URL_LENGTH_MAX} characters`;
  // The parser removes some of these, so that the URL that is used differs from the one that is stored and shown.
  if (/[\s\p{Cc}]/u.test(text)) return 'must not contain whitespace or control characters';
  if (!URL.canParse(text)) return 'must be an absolute URL';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https:// or http://';
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or password';
  if (text.includes('#')) return 'must not contain a fragment';
  if (BLOCKED_PORTS.has(Number(url.port || NaN))) return `must not use port ${url.port}, which is of another protocol`;
  return whyNoHost(url, mayConnect);
}

function whyNoHost(url: URL, mayConnect: AddressRule): string | null {
  const address = addressIn(url);
  if (address !== null) return mayConnect(address) ? null : NOT_ALLOWED;
  if (!hasNameLength(url.hostname)) return 'must have a host name of at most 253 characters, and 63 between dots';
  return LOCALHOST.test(url.hostname) && !LOOPBACK.some(mayConnect) ? NOT_ALLOWED : null;
}

const NOT_ALLOWED = 'must not lead to a private, loopback or link-local address';

function hasNameLength(hostname: string): boolean {
  const name = hostname.replace(/\.$/, '');
  return name.length <= HOST_LENGTH_MAX && name.split('.').every((label) => label.length <= LABEL_LENGTH_MAX);
}

/** The host of a URL, an IPv6 address without its brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

export function portOf({ port, protocol }: URL): number {
  return Number(port) || (protocol === 'https:' ? 443 : 80);
}

/** The address that the URL names itself. The URL parser has made decimal, octal and hexadecimal ones into four bytes. */
export function addressIn(url: URL): string | null {
  const host = hostOf(url);
  return isIP(host) === 0 ? null : host;
}

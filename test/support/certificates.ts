import { type KeyObject, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** A certificate and its private key, as PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = '06082a8648ce3d040302';
const COMMON_NAME = '0603550403';
const BASIC_CONSTRAINTS = '0603551d13';
const SUBJECT_ALT_NAME = '0603551d11';

/** A certificate authority for a test, as Node reads certificates but does not issue any. @see RFC 5280 */
export class CertificateAuthority {
  private readonly keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  /** Its own certificate, as PEM. */
  readonly certificate: string;

  constructor(private readonly name = 'rdev test CA') {
    const isCa = sequence(hex(BASIC_CONSTRAINTS), der(0x01, Buffer.from([255])), octets(sequence(hex('0101ff'))));
    this.certificate = this.sign(name, this.keys.publicKey, isCa);
  }

  /** For a server with these host names and IPv4 addresses. */
  issue(...hosts: readonly [string, ...string[]]): Certificate {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const names = sequence(...hosts.map(generalName));
    const certificate = this.sign(hosts[0], publicKey, sequence(hex(SUBJECT_ALT_NAME), octets(names)));
    return { certificate, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) };
  }

  private sign(subject: string, publicKey: KeyObject, extension: Buffer): string {
    const algorithm = sequence(hex(ECDSA_WITH_SHA256));
    const content = sequence(
      der(0xa0, hex('020102')),
      der(0x02, Buffer.from([1]), randomBytes(8)),
      algorithm,
      distinguishedName(this.name),
      sequence(utcTime(Date.now() - DAY_MS), utcTime(Date.now() + DAY_MS)),
      distinguishedName(subject),
      publicKey.export({ type: 'spki', format: 'der' }),
      der(0xa3, sequence(extension)),
    );
    const signature = der(0x03, Buffer.from([0]), sign('sha256', content, this.keys.privateKey));
    return pem(sequence(content, algorithm, signature));
  }
}

function pem(certificate: Buffer): string {
  const lines = certificate.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

/** A tag, the length and the contents. @see X.690, "Distinguished Encoding Rules" */
function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...contents: readonly Buffer[]): Buffer {
  return der(0x30, ...contents);
}

function octets(content: Buffer): Buffer {
  return der(0x04, content);
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

function distinguishedName(commonName: string): Buffer {
  return sequence(der(0x31, sequence(hex(COMMON_NAME), der(0x0c, Buffer.from(commonName)))));
}

function generalName(host: string): Buffer {
  return isIPv4(host) ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host));
}

function utcTime(ms: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replace(/\D/g, '')}Z`));
}

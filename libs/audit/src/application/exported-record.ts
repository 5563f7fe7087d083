import type { Fault, SealedRecord } from '../domain/chain.js';

/** A line of an export. */
export interface ExportedRecord extends Omit<SealedRecord, 'at' | 'hash'> {
  readonly at: string;
  readonly previousHash: string;
  readonly hash: string | null;
}

const MEMBERS = 'seq id type at projectId target outcome actor data details previousHash hash'.split(' ');
const SEAL = /^[0-9a-f]{64}$/;

/**
 * A record, or what is wrong with one that was changed.
 * @param number of the line
 * @throws Error if it is no record
 */
export function readRecord(text: string, number: number): ExportedRecord | Fault {
  const value = parsed(text);
  if (isRecord(value)) return value;
  const { seq, id } = isObject(value) ? value : {};
  if (typeof seq === 'number' && Number.isSafeInteger(seq) && typeof id === 'string')
    return { seq, id, reason: 'changed', detail: 'It does not have the form of a record' };
  throw new Error(`The line ${String(number)} is not a record of an export, or not a whole one.`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is ExportedRecord {
  if (!isObject(value) || Object.keys(value).sort().join() !== [...MEMBERS].sort().join()) return false;
  const { seq, id, type, at, data, previousHash, hash } = value;
  const isPlaced = Number.isSafeInteger(seq) && typeof id === 'string' && typeof type === 'string';
  return isPlaced && isInstant(at) && isObject(data) && isSeal(previousHash) && (hash === null || isSeal(hash));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As a seal has it: another spelling of the same moment is none. */
function isInstant(value: unknown): boolean {
  const at = typeof value === 'string' ? new Date(value) : null;
  return at !== null && !Number.isNaN(at.getTime()) && at.toISOString() === value;
}

function isSeal(value: unknown): boolean {
  return typeof value === 'string' && SEAL.test(value);
}

/**
 * Whether all programs read the same: no name is there twice, and each number is as precise as it was. Space, escapes
 * and the order of names may differ.
 */
export function isUnambiguous(text: string): boolean {
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  const names = bare.split(':').length - 1;
  const numbers = bare.match(/-?\d[\d.eE+-]*/g) ?? [];
  return (
    names === countNames(JSON.parse(text)) &&
    numbers.every((number) => decimal(number) === decimal(String(Number(number))))
  );
}

function countNames(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce((sum: number, each) => sum + countNames(each), own);
}

/** The same text for all spellings of a number. */
function decimal(text: string): string {
  const [mantissa = '', exponent = '0'] = text.replace(/^-/, '').toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  return significant === ''
    ? '0'
    : `${significant}e${String(Number(exponent) - fraction.length + digits.length - significant.length)}`;
}

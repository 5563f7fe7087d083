import type { SealedRecord } from '../domain/chain.js';

/** A line of an export. */
export interface ExportedRecord extends Omit<SealedRecord, 'at' | 'hash'> {
  readonly at: string;
  readonly previousHash: string;
  readonly hash: string | null;
}

const MEMBERS = 'seq id type at projectId target outcome actor data details previousHash hash'.split(' ');
const SEAL = /^[0-9a-f]{64}$/;

/** @param number of the line; @throws Error if it is no record */
export function readRecord(text: string, number: number): ExportedRecord {
  const value = parsed(text);
  if (isRecord(value)) return value;
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

/** How a field is read; a message has fields of its own. */
type Kind = 'text' | 'hex' | 'number' | 'bool' | 'fixed64' | 'double' | Message;
/** By number: the name in JSON, how it is read, and whether there are several. */
type Field = readonly [name: string, kind: Kind, isRepeated?: 'many'];
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- only an interface can contain itself
interface Message extends Readonly<Record<number, Field>> {}

const ANY_VALUE: Message = {
  1: ['stringValue', 'text'],
  2: ['boolValue', 'bool'],
  3: ['intValue', 'number'],
  4: ['doubleValue', 'double'],
};
const ATTRIBUTES = ['attributes', { 1: ['key', 'text'], 2: ['value', ANY_VALUE] }, 'many'] as const;
const RESOURCE: Message = { 1: ATTRIBUTES };
const SPAN: Message = {
  1: ['traceId', 'hex'],
  2: ['spanId', 'hex'],
  4: ['parentSpanId', 'hex'],
  5: ['name', 'text'],
  6: ['kind', 'number'],
  7: ['startTimeUnixNano', 'fixed64'],
  8: ['endTimeUnixNano', 'fixed64'],
  9: ATTRIBUTES,
  11: ['events', { 1: ['timeUnixNano', 'fixed64'], 2: ['name', 'text'] }, 'many'],
  13: ['links', { 1: ['traceId', 'hex'], 2: ['spanId', 'hex'] }, 'many'],
  15: ['status', { 2: ['message', 'text'], 3: ['code', 'number'] }],
};

/** Fields of the requests of OTLP. @see https://github.com/open-telemetry/opentelemetry-proto */
export const TRACES_REQUEST: Message = {
  1: [
    'resourceSpans',
    { 1: ['resource', RESOURCE], 2: ['scopeSpans', { 2: ['spans', SPAN, 'many'] }, 'many'] },
    'many',
  ],
};
export const METRICS_REQUEST: Message = {
  1: [
    'resourceMetrics',
    { 1: ['resource', RESOURCE], 2: ['scopeMetrics', { 2: ['metrics', { 1: ['name', 'text'] }, 'many'] }, 'many'] },
    'many',
  ],
};

/** The known fields of a message. @see https://protobuf.dev/programming-guides/encoding/ */
export function decode(bytes: Buffer, message: Message): any {
  const result: Record<string, unknown> = {};
  for (let at = 0; at < bytes.length;) {
    const [tag, from] = varint(bytes, at);
    const [value, to] = raw(bytes, from, Number(tag & 7n));
    at = to;
    const [name, kind, isRepeated] = message[Number(tag >> 3n)] ?? [];
    if (name === undefined || kind === undefined) continue;
    const read = toValue(value, kind);
    result[name] = isRepeated ? [...((result[name] as unknown[] | undefined) ?? []), read] : read;
  }
  return result;
}

function raw(bytes: Buffer, at: number, wireType: number): [bigint | Buffer, number] {
  if (wireType === 0) return varint(bytes, at);
  if (wireType === 1) return [bytes.subarray(at, at + 8), at + 8];
  if (wireType === 5) return [bytes.subarray(at, at + 4), at + 4];
  const [length, from] = varint(bytes, at);
  return [bytes.subarray(from, from + Number(length)), from + Number(length)];
}

function varint(bytes: Buffer, at: number): [bigint, number] {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = bytes[at++];
    if (byte === undefined) throw new Error('The message is truncated.');
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return [value, at];
  }
}

function toValue(value: bigint | Buffer, kind: Kind): unknown {
  if (typeof value === 'bigint') return kind === 'bool' ? value === 1n : Number(value);
  switch (kind) {
    case 'text':
      return value.toString();
    case 'hex':
      return value.toString('hex');
    case 'fixed64':
      return String(value.readBigUInt64LE());
    case 'double':
      return value.readDoubleLE();
    default:
      return typeof kind === 'object' ? decode(value, kind) : undefined;
  }
}

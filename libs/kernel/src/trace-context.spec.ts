import { formatTraceparent, parseTraceparent } from './trace-context.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('traceparent', () => {
  it('is parsed and formatted', () => {
    const text = `00-${TRACE}-${SPAN}-01`;
    expect(parseTraceparent(text)).toEqual({ traceId: TRACE, spanId: SPAN, traceFlags: '01' });
    expect(formatTraceparent(parseTraceparent(text)!)).toBe(text);
  });

  it.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['another version', `01-${TRACE}-${SPAN}-01`],
    ['capital letters', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['more than it may have', `00-${TRACE}-${SPAN}-01-x`],
    ['two of them', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
  ])('is not %s', (_name, text) => {
    expect(parseTraceparent(text)).toBeNull();
  });

  it('is null for an actor without a span', () => {
    expect(formatTraceparent({ traceId: TRACE })).toBeNull();
    expect(formatTraceparent({})).toBeNull();
  });
});

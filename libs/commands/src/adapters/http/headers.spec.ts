import type { Request } from 'express';
import { boundedWaitSeconds, preferredWaitSeconds, wantsTrailers } from './headers.js';

const request = (headers: Record<string, string>, httpVersion = '1.1', method = 'GET') =>
  ({ httpVersion, method, get: (name: string) => headers[name] }) as unknown as Request;

describe('headers', () => {
  it.each([
    ['wait=0', 0],
    ['wait=45', 45],
    ['wait=46', 45],
    ['respond-async, wait=60', 45],
  ])('Prefer: %s waits for %d s', (prefer, seconds) => {
    expect(preferredWaitSeconds(request({ prefer }))).toBe(seconds);
  });

  it('no wait is longer than proxies allow', () => {
    expect([0, 30, 45, 60].map(boundedWaitSeconds)).toEqual([0, 30, 45, 45]);
  });

  it.each<[te: string, version: string, wanted: boolean, method?: string]>([
    ['trailers', '1.1', true],
    ['trailers', '1.1', false, 'HEAD'],
    ['trailers', '0.9', false],
    ['trailers', '2.0', false],
    ['gzip, Trailers', '1.1', true],
    ['trailers;q=0', '1.1', false],
    ['gzip', '1.1', false],
    ['', '1.1', false],
    ['trailers', '1.0', false],
  ])('TE: %s by HTTP/%s: wants trailers: %s', (te, version, wanted, method = 'GET') => {
    expect(wantsTrailers(request({ te }, version, method))).toBe(wanted);
  });
});

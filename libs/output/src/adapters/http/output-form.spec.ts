import type { Request } from 'express';
import { OutputQuery } from './output.dto.js';
import { outputForm } from './output-form.js';

describe('the form of output', () => {
  const form = (text: string, accepted = 'application/octet-stream') => {
    const query = Object.fromEntries(new URLSearchParams(text));
    const request = { query, accepts: () => accepted } as unknown as Request;
    const parsed = { ...query, follow: query.follow === 'true' } as Partial<OutputQuery>;
    return outputForm(request, Object.assign(new OutputQuery(), parsed));
  };
  const JSON_TYPE = 'application/json';

  it.each([
    ['', undefined, 'raw'],
    ['stream=stderr&from=1&limit=2&follow=false', undefined, 'raw'],
    ['follow=true&stream=stderr&from=1', undefined, 'followed'],
    ['', JSON_TYPE, 'frames'],
    ['cursor=x&limit=2&follow=false', JSON_TYPE, 'frames'],
    ['view=head-tail&stream=stderr&maxBytes=256', undefined, 'head-tail'],
  ] as const)('accepts what it honours: %j as %s is %s', (query, accepted, expected) => {
    expect(form(query, accepted)).toBe(expected);
  });

  it.each([
    ['follow=true&limit=5', undefined, ['limit']],
    ['follow=true&cursor=x', undefined, ['cursor']],
    ['cursor=x', undefined, ['cursor']],
    ['maxBytes=256', undefined, ['maxBytes']],
    ['stream=stderr&from=1&follow=true', JSON_TYPE, ['stream', 'from', 'follow']],
    ['maxBytes=256&cursor=x', JSON_TYPE, ['maxBytes']],
    ['view=head-tail&follow=true&from=1&limit=1&cursor=x', undefined, ['follow', 'from', 'limit', 'cursor']],
  ] as const)('refuses what it would ignore: %j as %s', (query, accepted, pointers) => {
    expect(() => form(query, accepted)).toThrow(
      expect.objectContaining({
        errors: pointers.map((pointer) => ({ pointer, detail: expect.stringContaining('means nothing') })),
      }),
    );
  });
});

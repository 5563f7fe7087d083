import { exhausted } from './exhausted.js';

describe('exhausted', () => {
  it.each(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM', 'EROFS'])(
    'has a message for %s, without a path',
    (code) => {
      const error = Object.assign(new Error(`${code}: no, mkdir '/var/lib/rdev'`), { code });
      expect(exhausted(error)).toMatch(/^The [a-z ]+\.$/);
    },
  );

  it.each([null, undefined, new Error('x'), Object.assign(new Error('x'), { code: 'ENOENT' }), 'toString'])(
    'has none for %p',
    (error) => {
      expect(exhausted(error)).toBeNull();
    },
  );
});

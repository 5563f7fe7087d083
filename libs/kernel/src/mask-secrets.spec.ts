import { maskSecrets } from './mask-secrets.js';

it.each([
  ['/v1/projects/web/commands', '/v1/projects/web/commands'],
  ['/v1/keys/rdev_Xi2GP9oR_1s1APERi9pSOGTbXATtv7rcLVltCMatL1ILO47/x', '/v1/keys/***/x'],
  ['/v1/rdevt_0123456789-_abcdef', '/v1/***'],
  ['/whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', '/***'],
  ['http://user:p@ss@host/v1/projects', 'http://***@host/v1/projects'],
  ['/v1/a@b', '/v1/a@b'],
])('the path %s is shown as %s', (path, shown) => {
  expect(maskSecrets(path)).toBe(shown);
});

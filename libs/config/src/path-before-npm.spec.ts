import { pathBeforeNpm } from './path-before-npm.js';

describe('pathBeforeNpm', () => {
  const npm_package_json = '/home/me/rdev/package.json';
  const added = [
    '/home/me/rdev/node_modules/.bin',
    '/home/me/node_modules/.bin',
    '/home/node_modules/.bin',
    '/node_modules/.bin',
    '/usr/lib/node_modules/npm/node_modules/@npmcli/run-script/lib/node-gyp-bin',
  ];
  const own = ['/home/me/bin', '/home/me/rdev/node_modules/.bin', '/usr/bin', ''];

  it.each([
    ['what npm added', [...added, ...own], own],
    ['what two of them added', [...added, ...added, ...own], own],
    ['all of it', added, []],
  ])('removes %s', (_what, before, after) => {
    expect(pathBeforeNpm({ PATH: before.join(':'), npm_package_json })).toBe(after.join(':'));
  });

  it.each([
    ['was not run by npm', { PATH: [...added, ...own].join(':') }],
    ['has the programs of the package of itself', { PATH: `${added[0]!}:/usr/bin`, npm_package_json }],
    ['is of another package', { PATH: [...added, ...own].join(':'), npm_package_json: '/srv/x/package.json' }],
    ['is not there', { npm_package_json }],
  ])('keeps a PATH that %s', (_what, env: Record<string, string>) => {
    expect(pathBeforeNpm(env)).toBe(env.PATH);
  });
});

import { maySeeProject } from './caller.js';

describe('maySeeProject', () => {
  it.each([
    ['team-a-*', 'team-a-web', true],
    ['team-a-*', 'team-a', false],
    ['team-a-*', 'xteam-a-web', false],
    ['*', 'anything', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['*-x-*', 'a-x-b', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['web', 'web', true],
    ['web', 'web2', false],
  ])('%s against %s is %s', (glob, id, expected) => {
    expect(maySeeProject({ projects: [glob] }, id)).toBe(expected);
  });

  it('is true for a key without a limit, and false for one with an empty list', () => {
    expect(maySeeProject({ projects: null }, 'web')).toBe(true);
    expect(maySeeProject({ projects: [] }, 'web')).toBe(false);
  });
});

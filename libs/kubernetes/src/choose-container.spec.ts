import { chooseContainer } from './choose-container.js';

const KUBECTL = 'kubectl.kubernetes.io/default-container';

describe('chooseContainer', () => {
  test.each([
    ['the first without annotations', {}, 'a'],
    ['the one that kubectl would choose', { [KUBECTL]: 'b' }, 'b'],
    ['the first where the hint for kubectl leads nowhere', { [KUBECTL]: 'gone' }, 'a'],
    ['the one that our annotation names, before the hint', { [KUBECTL]: 'a', 'rdev.dev/container': 'b' }, 'b'],
    ['a missing one, if our annotation insists', { 'rdev.dev/container': 'gone' }, 'gone'],
    ['the first where our annotation is empty', { 'rdev.dev/container': '' }, 'a'],
  ])('chooses %s', (_what, annotations: Record<string, string>, chosen) => {
    expect(chooseContainer(annotations, ['a', 'b'])).toBe(chosen);
  });
});

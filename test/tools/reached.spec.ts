interface Reached {
  reachedTests(changed: readonly string[], texts: ReadonlyMap<string, string>): string[];
}

/** A small repository: two libs with entry points, and their importers. */
const TEXTS = new Map(
  Object.entries({
    'libs/kernel/src/index.ts': `export { newId } from './ids.js';\nexport {\n  type Clock,\n  SystemClock as RealClock,\n} from './clock.js';`,
    'libs/kernel/src/ids.ts': `export const newId = () => '';`,
    'libs/kernel/src/clock.ts': `import { randomInt } from 'node:crypto';`,
    'libs/kernel/src/clock.spec.ts': `import { SystemClock } from './clock.js';`,
    'libs/kernel/testing/index.ts': `import { fake } from './fake.js';\nexport { aClock } from '../src/index.js';`,
    'libs/kernel/testing/fake.ts': ``,
    'libs/queue/src/index.ts': `export { Queue } from './queue.js';`,
    'libs/queue/src/order.ts': `import { newId } from '@app/kernel';`,
    'libs/queue/src/order.spec.ts': `import { order } from './order.js';`,
    'libs/queue/src/queue.ts': `import { order } from './order.js';`,
    'libs/queue/src/queue.integration.spec.ts': `import { Queue } from './queue.js';`,
    'libs/queue/src/wait.spec.ts': `import { type Clock } from '@app/kernel';\nimport { fake } from '@app/kernel/testing';`,
    'libs/queue/src/real.spec.ts': `import { RealClock } from '@app/kernel';`,
    'test/e2e/queue.e2e-spec.ts': `import { Queue } from '@app/queue';`,
    'test/tools/build.spec.ts': `const path = '../../scripts/build.mjs';`,
  }),
);

let tool: Reached;
beforeAll(async () => {
  const path = '../../scripts/reached.mjs';
  tool = (await import(path)) as Reached;
});

describe('the tests that a change reaches', () => {
  it.each([
    ['a test', 'libs/queue/src/order.spec.ts', ['libs/queue/src/order.spec.ts']],
    [
      'a file, through files of its lib and to those who name what it exports',
      'libs/queue/src/order.ts',
      ['libs/queue/src/order.spec.ts', 'libs/queue/src/queue.integration.spec.ts'],
    ],
    [
      'a file that an entry point exports',
      'libs/queue/src/queue.ts',
      ['libs/queue/src/queue.integration.spec.ts', 'test/e2e/queue.e2e-spec.ts'],
    ],
    ['what another lib uses, with the tests of that', 'libs/kernel/src/ids.ts', ['libs/queue/src/order.spec.ts']],
    [
      'a name that the entry point renames',
      'libs/kernel/src/clock.ts',
      ['libs/kernel/src/clock.spec.ts', 'libs/queue/src/wait.spec.ts', 'libs/queue/src/real.spec.ts'],
    ],
    ['what is no module', 'scripts/build.mjs', ['test/tools/build.spec.ts']],
    ['what nothing tests', 'README.md', []],
  ])('%s', (_what, changed, tests) => {
    expect(tool.reachedTests([changed], TEXTS).sort()).toEqual([...tests].sort());
  });
});

import { readFileSync } from 'node:fs';
import { loadYaml } from '@kubernetes/client-node';
import { pages } from '../support/markdown-blocks.js';

const VALUES = 'helm/rdev/values.yaml';
/** Variables of PostgreSQL's and Node's own, and of the tests. */
const FOREIGN = /^(PG\w+|NODE_\w+|TEST_\w+)$/;

const operations = async (): Promise<[page: string, text: string][]> =>
  (await pages())
    .filter((page) => page.startsWith('docs/operations/'))
    .map((page) => [page, readFileSync(page, 'utf8')]);

describe('the pages about operations', () => {
  it('name variables that exist', async () => {
    const reference = readFileSync('docs/reference/configuration.md', 'utf8');
    const known = new Set([...reference.matchAll(/^\| `([A-Z][A-Z0-9_]*)` /gm)].map(([, name]) => name));
    for (const [page, text] of await operations()) {
      const named = [...text.matchAll(/`((?:RDEV|DATABASE|POSTGRES|WEBHOOK|RATE|CONCURRENT|METRICS)_[A-Z0-9_]+)/g)];
      expect([page, named.map(([, name]) => name!).filter((name) => !known.has(name) && !FOREIGN.test(name))]).toEqual([
        page,
        [],
      ]);
    }
  });

  it('name routes that exist', async () => {
    const { paths } = JSON.parse(readFileSync('apps/api/openapi.json', 'utf8'));
    for (const [page, text] of await operations()) {
      const named = [...text.matchAll(/\b(GET|POST|PATCH|PUT|DELETE) (\/v1\/[\w/{}-]+)/g)];
      const missing = named.filter(([, method, path]) => paths[path!]?.[method!.toLowerCase()] === undefined);
      expect([page, missing.map(([name]) => name)]).toEqual([page, []]);
    }
  });

  it('name values of the chart that exist', async () => {
    const values = loadYaml<Record<string, unknown>>(readFileSync(VALUES, 'utf8'));
    const of = (path: string): unknown =>
      path.split('.').reduce((value: any, name) => (value === null ? undefined : value?.[name]), values);
    const sections = Object.keys(values).filter((name) => /^[a-z]\w+$/.test(name));
    for (const [page, text] of await operations()) {
      const named = [...text.matchAll(new RegExp(`\`((?:${sections.join('|')})(?:\\.[a-zA-Z]+)+)\``, 'g'))];
      expect([page, named.map(([, path]) => path!).filter((path) => of(path) === undefined)]).toEqual([page, []]);
    }
  });
});

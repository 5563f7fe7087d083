import { readFileSync } from 'node:fs';

const document = JSON.parse(readFileSync('apps/api/openapi.json', 'utf8'));
const resolve = (schema: any): any =>
  schema?.$ref === undefined ? schema : document.components.schemas[schema.$ref.split('/').at(-1)];

/** What of a request has no limit: each a path to it. */
function unlimited(given: any, at: string): string[] {
  const resolved = resolve(given);
  // Of ["string", "null"], null has no limit to say.
  const schema = Array.isArray(resolved?.type)
    ? { ...resolved, type: resolved.type.find((type: string) => type !== 'null') }
    : resolved;
  if (schema === undefined || schema.enum !== undefined) return [];
  const parts = [...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  if (parts.length > 0) return parts.flatMap((part) => unlimited(part, at));
  switch (schema.type) {
    case 'string':
      return (schema.maxLength ?? schema.pattern ?? (schema.format === 'date-time' || null))
        ? []
        : [`${at}: maxLength`];
    case 'integer':
    case 'number':
      return schema.minimum === undefined || schema.maximum === undefined ? [`${at}: minimum, maximum`] : [];
    case 'array':
      return [...(schema.maxItems === undefined ? [`${at}: maxItems`] : []), ...unlimited(schema.items, `${at}[]`)];
    case 'boolean':
      return [];
    case 'object': {
      const properties = Object.entries(schema.properties ?? {});
      const own = schema.additionalProperties && schema.maxProperties === undefined ? [`${at}: maxProperties`] : [];
      return [...own, ...properties.flatMap(([name, property]) => unlimited(property, `${at}/${name}`))];
    }
    default:
      return [`${at}: type`];
  }
}

describe('apps/api/openapi.json', () => {
  const operations = Object.entries<any>(document.paths).flatMap(([path, methods]) =>
    Object.entries<any>(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
  );

  const isPublic = (path: string) => !path.includes('/v1/');

  it.each(operations)('says which scope %s needs', (route, operation) => {
    const scope = operation['x-required-scope'];
    const security = isPublic(route) ? undefined : [{ bearer: scope === undefined ? [] : [scope] }];
    expect(operation.security).toEqual(security);
    if (security) expect(operation.description).toMatch(scope ? `scope \`${scope}\`` : /^Needs a valid key/);
  });

  it('offers the scopes that some route needs, and no others', () => {
    const needed = operations.flatMap(([, operation]) => operation['x-required-scope'] ?? []);
    const offered = document.components.schemas.CreateKeyRequest.properties.scopes.items.enum;
    expect([...offered].sort()).toEqual([...new Set(['admin', ...needed])].sort());
  });

  it('is what the table of scopes in docs/guides/keys.md says', () => {
    const rows = readFileSync('docs/guides/keys.md', 'utf8').matchAll(/^\| `(\w+(?::\w+)?)` +\| (`[A-Z]+ \/.*) \|$/gm);
    const said = [...rows].flatMap(([, scope = '', cell = '']) =>
      [...cell.matchAll(/`([A-Z]+) ([^`]+)`/g)].map(([, method, path]) => `${scope} ${method} /v1${path}`),
    );
    const needed = operations.flatMap(([route, { 'x-required-scope': scope }]) => (scope ? [`${scope} ${route}`] : []));
    expect(said.sort()).toEqual(needed.sort());
  });

  it.each(operations)('has a request to %s that can be sent as it is, if it takes one', (_route, operation) => {
    for (const { examples } of Object.values<any>(operation.requestBody?.content ?? {}))
      expect(Object.values(examples ?? {})).toEqual(
        expect.arrayContaining([{ summary: expect.any(String), value: expect.any(Object) }]),
      );
  });

  it('begins with what a newcomer needs first, and knows no other tags', () => {
    const tags = document.tags.map(({ name }: any) => name);
    expect(tags.slice(0, 2)).toEqual(['projects', 'commands']);
    expect(new Set(operations.flatMap(([, operation]) => operation.tags))).toEqual(new Set(tags));
  });

  it('asks for a key of ours, not for a JWT', () => {
    expect(JSON.stringify(document)).not.toMatch(/jwt/i);
  });

  it.each(operations)('says the limit of everything that %s takes', (_route, operation) => {
    const body = operation.requestBody?.content?.['application/json']?.schema;
    const query = (operation.parameters ?? []).filter((parameter: any) => parameter.in === 'query');
    expect([
      ...unlimited(body, '#'),
      ...query.flatMap((parameter: any) => unlimited(parameter.schema, parameter.name)),
    ]).toEqual([]);
  });

  it.each(operations.filter(([route]) => route.startsWith('POST ')))(
    'has an Idempotency-Key on %s',
    (_route, operation) => {
      expect(operation.parameters).toContainEqual(
        expect.objectContaining({ in: 'header', name: 'Idempotency-Key', required: false }),
      );
    },
  );
});

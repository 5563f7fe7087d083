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

  it.each(operations)('says the limit of everything that %s takes', (_route, operation) => {
    const body = operation.requestBody?.content?.['application/json']?.schema;
    const query = (operation.parameters ?? []).filter((parameter: any) => parameter.in === 'query');
    expect([
      ...unlimited(body, '#'),
      ...query.flatMap((parameter: any) => unlimited(parameter.schema, parameter.name)),
    ]).toEqual([]);
  });
});

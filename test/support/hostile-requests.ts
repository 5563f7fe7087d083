/** A request that nobody in their right mind sends. */
export interface Hostile {
  readonly route: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** More bytes than are sent. */
  readonly declared?: number;
  /** The connection may end without an answer. */
  readonly mayBreak: boolean;
}

/** What is read of a JSON schema. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly example?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
}

interface Ids {
  readonly project: string;
  readonly command: string;
  readonly key: string;
}

const TEXTS = [
  '', ' ', '\0', 'a\0b', '\ud800', 'x\udfff', '\u202e', 'é', '𝕏', '💥'.repeat(50), 'null', 'true', '-1', '../../etc/passwd',
  "' OR 1=1 --", '${7*7}', '{{7*7}}', '<script>', '%00', '%s%n', '\r\nx: y', 'x'.repeat(41), 'x'.repeat(1_025), 'x'.repeat(140_000),
  '__proto__', 'constructor', 'toString', '1970-01-01', '2009-W01-1', '0000-01-01T00:00:00Z', '+275760-09-13T00:00:00Z', '9999-99-99T99:99:99Z',
  '*', '*'.repeat(40), '0.0.0.0/0', '::ffff:1.2.3.4/129', 'ext::sh -c id', '-oProxyCommand=id', '1e400', '0x10', 'NaN', 'Infinity',
]; // prettier-ignore
const NUMBERS = [0, -0, -1, 1, 0.5, 1e21, 2 ** 31, 2 ** 53, -(2 ** 63), Number.MAX_VALUE, 5e-324];
const RAW = ['', ' ', '{', '[', '"', 'nul', '{}{}', '[1,]', '{"a":1,}', '\ufeff{}', '1e400', '-', '"\\ud800"', '{"a":1e400}', "{'a':1}", '\0', '{"type":"shell","type":"exec"}', 'null', 'true', '[]', '[[]]', '[{}]', '"x"', '1', '[[[[[['.repeat(2_000), `${'['.repeat(50_000)}${']'.repeat(50_000)}`, `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`]; // prettier-ignore
const TYPES = ['text/plain', 'application/xml', 'application/json; charset=utf-16', 'application/json; charset=x', 'application/merge-patch+json', 'multipart/form-data; boundary=x', '', 'application/json,application/json', 'x'.repeat(300)]; // prettier-ignore
const JUNK_HEADERS: readonly (readonly [string, string])[] = [
  ['prefer', 'wait=99999'], ['prefer', 'wait=0, wait=0'], ['prefer', ','.repeat(5_000)], ['idempotency-key', ' '], ['idempotency-key', 'x'.repeat(256)],
  ['idempotency-key', 'same'], ['last-event-id', '9'.repeat(400)], ['last-event-id', '-1--1'], ['last-event-id', '0-0'], ['traceparent', '00-' + 'z'.repeat(32)],
  ['x-request-id', 'é'], ['x-request-id', 'x'.repeat(5_000)], ['user-agent', '\u00ff'.repeat(3_000)], ['accept', 'x/y'], ['accept', '*/*;q=2'],
  ['accept', 'application/json'], ['content-encoding', 'gzip'], ['content-encoding', 'x'], ['x-forwarded-for', '1.2.3.4'], ['x-forwarded-for', ','.repeat(2_000)], ['forwarded', 'for="_x'],
  ['x-http-method-override', 'DELETE'], ['host', 'evil.example'], ['range', 'bytes=0-'], ['expect', '100-continue'], ['if-none-match', '*'], ['cookie', 'a=b;'.repeat(500)], ['origin', 'null'],
]; // prettier-ignore

/**
 * Generates hostile requests over all routes of a description: wrong in what the schemas say, and in what they do not.
 */
export class HostileRequests {
  readonly routes: readonly string[];
  private readonly operations: readonly { route: string; method: string; path: string; operation: any }[];
  private readonly seen = new Set<string>();

  constructor(
    private readonly document: any,
    private readonly ids: Ids,
    /** Keys, the first of which is valid, and other secrets. */
    private readonly secrets: readonly string[],
    private readonly random: () => number,
  ) {
    this.operations = Object.entries<any>(document.paths).flatMap(([path, methods]) =>
      Object.entries<any>(methods).map(([method, operation]) => ({
        route: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        operation,
      })),
    );
    this.routes = this.operations.map(({ route }) => route).sort();
  }

  routesSeen(): string[] {
    return [...this.seen].sort();
  }

  next(): Hostile {
    const { route, method, path, operation } = this.pick(this.operations);
    this.seen.add(route);
    const hasBody = operation.requestBody !== undefined || this.chance(0.05);
    const body = hasBody ? this.body(operation) : undefined;
    const isTruncated = body !== undefined && this.chance(0.01);
    const headers = {
      ...this.credentials(),
      ...(hasBody && { 'content-type': 'application/json' }),
      ...this.junk(hasBody),
    };
    return {
      route,
      method: this.chance(0.02) ? this.pick(['PUT', 'OPTIONS', 'PROPFIND', 'HEAD', 'PATCH']) : method,
      path: this.path(path, operation),
      headers,
      ...(body !== undefined && { body }),
      ...(isTruncated && { declared: Buffer.byteLength(body) + 10 }),
      mayBreak: isTruncated || 'expect' in headers,
    };
  }

  private pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)]!;
  }

  private chance(share: number): boolean {
    return this.random() < share;
  }

  private credentials(): Record<string, string> {
    if (this.chance(0.9)) return { authorization: `Bearer ${this.secrets[0]!}` };
    const secret = this.pick(this.secrets.slice(1));
    return this.pick<Record<string, string>>([
      {},
      { authorization: `Bearer ${secret}` },
      { authorization: `Basic ${secret}` },
      { authorization: `Bearer ${secret} ${secret}` },
      { authorization: `Bearer${' '.repeat(5_000)}` },
      { 'x-api-key': secret },
      { 'x-api-key': this.secrets[0]!.slice(0, -1) + 'é' },
    ]);
  }

  private junk(hasBody: boolean): Record<string, string> {
    const headers: Record<string, string> = this.chance(0.2) ? Object.fromEntries([this.pick(JUNK_HEADERS)]) : {};
    return hasBody && this.chance(0.05) ? { ...headers, 'content-type': this.pick(TYPES) } : headers;
  }

  private path(template: string, { parameters = [] }: any): string {
    const filled = template.replaceAll(/\{(\w+)\}/g, () => {
      if (this.chance(0.15))
        return this.pick([...TEXTS.map(encode), '%', '%C3', '..', '%2e%2e%2f', '.', 'x'.repeat(3_000), ';a=b']);
      // One that there is not: the run needs its own, whatever that ends in.
      if (template.includes('keys/')) return this.ids.key.replace(/.$/, (last) => (last === 'z' ? 'y' : 'z'));
      return template.includes('projects/') ? this.project(template) : this.ids.command;
    });
    const named = parameters.filter((parameter: any) => parameter.in === 'query');
    const pairs = named.flatMap((parameter: any) => (this.chance(0.4) ? this.pairs(parameter) : []));
    if (this.chance(0.05))
      pairs.push(this.pick(['__proto__=1', 'constructor=1', 'a[b]=c', 'x', '=', '&&', '%', 'a&'.repeat(1_500)]));
    // A long poll is no failure, but there are ten thousand to be sent.
    if (template.endsWith('/wait')) pairs.push('timeoutSeconds=0');
    return `${filled}${pairs.length > 0 ? `?${pairs.join('&')}` : ''}`;
  }

  /** What changes or ends a project is asked of one that there is not. */
  private project(template: string): string {
    return template.includes('/commands') ? this.ids.project : `${this.ids.project}-x`;
  }

  private pairs({ name, schema }: any): string[] {
    const value = (): string => {
      const given = this.chance(0.5) ? this.value(schema, 0) : this.pick<unknown>([...TEXTS, ...NUMBERS]);
      const text = typeof given === 'string' ? given : JSON.stringify(given);
      return `${encode(name)}=${encode(text.slice(0, 2_000))}`;
    };
    return this.chance(0.1) ? [value(), value()] : [value()];
  }

  private body({ requestBody }: any): string {
    if (this.chance(0.1)) return this.pick(RAW);
    const schema: Schema | undefined = requestBody?.content?.['application/json']?.schema;
    let value = this.value(schema ?? { type: 'object' }, 0);
    // Half are right but for one thing: what is wrong in all fields is refused by the first.
    for (let times = this.pick([0, 1, 1, 1, 2, 5]); times > 0; times--) value = this.mutate(value);
    const text = JSON.stringify(value);
    return this.chance(0.03) ? text.slice(0, Math.floor(this.random() * text.length)) : text;
  }

  /** Something that the schema allows, or nearly. */
  private value(given: Schema | undefined, depth: number): unknown {
    const name = given?.$ref?.split('/').at(-1);
    const schema: Schema | undefined = name === undefined ? given : this.document.components.schemas[name];
    if (schema === undefined || depth > 5) return null;
    const choices = schema.enum ?? [];
    if (choices.length > 0) return this.pick(choices);
    const branch = schema.oneOf ?? schema.allOf;
    if (branch !== undefined) return this.value(this.pick(branch), depth + 1);
    if (schema.example !== undefined && this.chance(0.7)) return schema.example;
    switch (schema.type) {
      case 'integer':
      case 'number': {
        const { minimum = 0, maximum = 100 } = schema;
        return this.pick([minimum, minimum + 1, minimum - 1, maximum, maximum + 1]);
      }
      case 'boolean':
        return this.chance(0.5);
      case 'array':
        return Array.from({ length: this.pick([0, 1, 1, 2]) }, () => this.value(schema.items, depth + 1));
      case 'object':
        return this.object(schema, depth);
      default:
        return this.chance(0.9) ? 'true' : 'x'.repeat(Math.min((schema.maxLength ?? 40) + 1, 150_000));
    }
  }

  private object({ properties = {}, required = [], additionalProperties }: Schema, depth: number): unknown {
    const entries = Object.entries(properties)
      .filter(([name]) => required.includes(name) || this.chance(0.2))
      .map(([name, property]) => [name, this.value(property, depth + 1)] as const);
    const free =
      additionalProperties !== undefined ? [[this.pick(['A', 'team', 'RDEV_X', '']), this.pick(TEXTS)] as const] : [];
    return this.withWork(Object.fromEntries([...entries, ...free]));
  }

  /** The fields of a command that go with its type. */
  private withWork(value: Record<string, unknown>): Record<string, unknown> {
    if (this.chance(0.2)) return value;
    const { script: _script, argv: _argv, args: _args, ...rest } = value;
    if (value.type === 'shell') return { ...rest, script: 'true' };
    if (value.type === 'exec') return { ...rest, argv: ['true'] };
    return value.type === 'git' ? { ...rest, args: [this.pick(['version', ...TEXTS])] } : value;
  }

  private mutate(value: unknown): unknown {
    const junk = (): unknown =>
      this.pick<() => unknown>([
        () => this.pick(TEXTS),
        () => this.pick(NUMBERS),
        () => null,
        () => [],
        () => ({}),
        () => [this.pick(TEXTS), this.pick(NUMBERS)],
        () => ({ [this.pick(TEXTS)]: this.pick(TEXTS) }),
        () => Array.from({ length: 5_000 }, () => ''),
        () => Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`k${i}`, ''])),
        () => JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{}}}'),
        () => JSON.parse(`${'['.repeat(200)}${']'.repeat(200)}`),
        () => this.pick(this.secrets.slice(1)),
      ])();
    if (typeof value !== 'object' || value === null || this.chance(0.05)) return junk();
    const names = Object.keys(value);
    const name = names.length === 0 || this.chance(0.2) ? this.pick([...TEXTS, 'extra']) : this.pick(names);
    // Not an assignment: "__proto__" is to be a name like any other.
    const changed = Array.isArray(value) ? [...value] : { ...value };
    Object.defineProperty(changed, Array.isArray(value) ? '0' : name, { value: junk(), enumerable: true, configurable: true, writable: true }); // prettier-ignore
    return changed;
  }
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).slice(0, 3_000);
}

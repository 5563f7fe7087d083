import { promises as dns } from 'node:dns';
import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** One try of one question; the second try waits twice as long. */
const QUERY_MS = 2_000;
const TRIES = 2;
/** How long the addresses of one family wait for those of the other. */
const OTHER_FAMILY_MS = 1_000;
/** Of resolv.conf. @see resolv.conf(5), "ndots" */
const NDOTS_DEFAULT = 1;
const NDOTS_MAX = 15;
const LOOPBACK = ['127.0.0.1', '::1'];
/** There is no such address. */
const ABSENT = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME']);

/**
 * Resolves a name to one or more addresses.
 * @throws {@link NameUnresolved}; once the signal is aborted, any error
 */
export type ResolveName = (name: string, signal: AbortSignal) => Promise<readonly string[]>;

/** No address was found. */
export class NameUnresolved extends Error {
  constructor(
    name: string,
    /** The code of c-ares, such as `ENOTFOUND`, `ETIMEOUT` or `ESERVFAIL`. */
    readonly code: string,
    options?: ErrorOptions,
  ) {
    super(code === 'ETIMEOUT' ? `${name} was not resolved in time.` : `${name} was not resolved: ${code}.`, options);
  }
}

export interface NameFiles {
  readonly hosts: string;
  readonly resolvConf: string;
}

/** What resolv.conf says about names that are not absolute. */
interface Search {
  readonly domains: readonly string[];
  readonly ndots: number;
}

/**
 * Resolves names as the system does in a container: by /etc/hosts, then by DNS with `search` and `ndots` of
 * /etc/resolv.conf. `dns.lookup` is not used: it occupies one of the few threads that file access shares, for as long
 * as a DNS server does not respond. Here a name whose server is silent delays nothing else. Other sources of
 * nsswitch.conf, such as mDNS, are not asked.
 */
export class SystemNames {
  private readonly hosts: ParsedFile<Map<string, string[]>>;
  private readonly search: ParsedFile<Search>;

  constructor(
    files: NameFiles = { hosts: '/etc/hosts', resolvConf: '/etc/resolv.conf' },
    /** Replaces the servers of resolv.conf. */
    private readonly servers?: readonly string[],
  ) {
    this.hosts = new ParsedFile(files.hosts, parseHosts);
    this.search = new ParsedFile(files.resolvConf, parseSearch);
  }

  readonly resolve: ResolveName = async (name, signal) => {
    const relative = name.toLowerCase().replace(/\.$/, '');
    const known = this.hosts.content().get(relative);
    if (known !== undefined) return known;
    // @see RFC 6761, section 6.3
    if (/(^|\.)localhost$/.test(relative)) return LOOPBACK;
    let failure: unknown;
    for (const candidate of candidatesOf(name, this.search.content())) {
      signal.throwIfAborted();
      try {
        return await this.query(candidate, signal);
      } catch (error) {
        if (failure === undefined || !ABSENT.has(codeOf(error))) failure = error;
      }
    }
    signal.throwIfAborted();
    throw new NameUnresolved(name, codeOf(failure), { cause: failure });
  };

  /** Asks for both families at the same time. A resolver of its own lets the signal cancel these questions only. */
  private async query(name: string, signal: AbortSignal): Promise<readonly string[]> {
    const resolver = new dns.Resolver({ timeout: QUERY_MS, tries: TRIES });
    if (this.servers !== undefined) resolver.setServers(this.servers);
    const cancel = (): void => {
      resolver.cancel();
    };
    signal.addEventListener('abort', cancel);
    const found: string[][] = [[], []];
    const asked = [resolver.resolve4(name), resolver.resolve6(name)].map(async (family, index) => {
      found[index] = await family;
    });
    const all = Promise.allSettled(asked);
    try {
      await Promise.any(asked);
      await Promise.race([all, delay(OTHER_FAMILY_MS, undefined, { ref: false })]);
      return found.flat();
    } catch (error) {
      const { errors } = error as AggregateError;
      throw errors.find((one) => !ABSENT.has(codeOf(one))) ?? errors[0];
    } finally {
      signal.removeEventListener('abort', cancel);
      cancel();
    }
  }
}

const codeOf = (error: unknown): string => (error as { code?: string } | undefined)?.code ?? 'ENOTFOUND';

/** The names to ask for, in this order. @see resolv.conf(5), "search" and "ndots" */
function candidatesOf(name: string, { domains, ndots }: Search): readonly string[] {
  if (name.endsWith('.')) return [name];
  const searched = domains.map((domain) => `${name}.${domain}`);
  return name.split('.').length > ndots ? [name, ...searched] : [...searched, name];
}

function parseHosts(text: string): Map<string, string[]> {
  const hosts = new Map<string, string[]>();
  for (const [address = '', ...names] of fieldsOf(text)) {
    if (isIP(address) === 0) continue;
    for (const name of names.map((one) => one.toLowerCase())) hosts.set(name, [...(hosts.get(name) ?? []), address]);
  }
  return hosts;
}

function parseSearch(text: string): Search {
  let domains: readonly string[] = [];
  let ndots = NDOTS_DEFAULT;
  for (const [keyword, ...values] of fieldsOf(text)) {
    if (keyword === 'search' || keyword === 'domain') domains = values.map((domain) => domain.replace(/\.$/, ''));
    if (keyword !== 'options') continue;
    const given = values.map((value) => /^ndots:(\d+)$/.exec(value)?.[1]).find((count) => count !== undefined);
    if (given !== undefined) ndots = Math.min(Number(given), NDOTS_MAX);
  }
  return { domains: domains.filter((domain) => domain !== ''), ndots };
}

/** The fields of each line, without comments. */
function fieldsOf(text: string): string[][] {
  const lines = text.split('\n').map((line) => line.replace(/[#;].*/, '').trim());
  return lines.filter((line) => line !== '').map((line) => line.split(/\s+/));
}

/** A small local file that is parsed again when it has changed. It is read without a thread, of which there are few. */
class ParsedFile<T> {
  private parsed: { readonly version: string; readonly content: T } | undefined;

  constructor(
    private readonly path: string,
    private readonly parse: (text: string) => T,
  ) {}

  content(): T {
    const stats = statSync(this.path, { throwIfNoEntry: false });
    const version =
      stats === undefined ? 'absent' : `${String(stats.mtimeMs)} ${String(stats.ino)} ${String(stats.size)}`;
    if (this.parsed?.version !== version) this.parsed = { version, content: this.parse(this.read()) };
    return this.parsed.content;
  }

  private read(): string {
    try {
      return readFileSync(this.path, 'utf8');
    } catch {
      return '';
    }
  }
}

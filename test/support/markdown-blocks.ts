import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The pages of docs/, by their paths. */
export async function pages(): Promise<string[]> {
  const names = await readdir('docs', { recursive: true });
  return names
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name))
    .sort();
}

/** A block of a page that a reader is to type, with what the page shows as its output. */
export interface Block {
  readonly line: number;
  readonly script: string;
  readonly output: string | null;
  /** Why no test runs it; null: one does. */
  readonly notRun: string | null;
}

/** What a fence may say besides `sh`: none of it can be typed into a shell. */
const NOT_TYPED = new Set(['', ...'apache caddy go haproxy html js json mermaid nginx python vcl yaml'.split(' ')]);
const FENCE = /^```(\w*)\n(.*?)^```$/gms;
const MARK = /<!-- not run: (\S[^\n]*) -->\n\n$/;

/**
 * The blocks `sh` of a page, in its order. A block without a language right after one shows its output. A comment
 * `<!-- not run: why -->` before a block exempts it.
 * @throws Error for a language that is neither run nor known as one that is not
 */
export function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let end = 0;
  for (const fence of page.matchAll(FENCE)) {
    const [whole, language = '', text = ''] = fence;
    const before = page.slice(end, fence.index);
    const last = blocks.at(-1);
    const line = page.slice(0, fence.index).split('\n').length;
    if (language === 'sh') blocks.push({ line, script: text, output: null, notRun: reasonIn(before) });
    else if (!NOT_TYPED.has(language)) throw new Error(`Line ${line}: nothing is known of a block in ${language}.`);
    else if (language === '' && before.trim() === '' && last) blocks.splice(-1, 1, { ...last, output: text });
    end = fence.index + whole.length;
  }
  return blocks;
}

const reasonIn = (before: string): string | null => MARK.exec(before)?.[1] ?? null;

/** Whether the text is somewhere in the output. An ellipsis stands for anything: an id, a time, more lines. */
export function shows(output: string, shown: string): boolean {
  const parts = shown.trimEnd().split('…');
  return new RegExp(parts.map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('[^]*')).test(output);
}

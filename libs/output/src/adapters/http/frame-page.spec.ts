import { InMemoryCommandRepository, aCommand } from '@app/commands/testing';
import { InMemoryOutputLedger } from '@app/output/testing';
import { PAGE_BYTES_MAX } from '@app/kernel';
import type { OutputRun } from '../../application/output-ledger.js';
import type { OutputService } from '../../application/output.service.js';
import { advance } from '../../application/output-writer.js';
import { START } from '@app/commands';
import { framePage } from './frame-page.js';
import { type OutputPage, OutputQuery } from './output.dto.js';

const OWNER = 'replica';
const RUN_BYTES = 64 * 1024;

describe('pages of output as JSON', () => {
  /** All pages of an ended command that wrote these bytes, in runs of the given length. */
  async function pagesOf(
    bytes: Buffer,
    runBytes = RUN_BYTES,
    query: Partial<OutputQuery> = { limit: 200 },
  ): Promise<OutputPage[]> {
    const commands = new InMemoryCommandRepository();
    const ledger = new InMemoryOutputLedger(commands);
    const { id } = aCommand();
    commands.seed(aCommand({ id }), OWNER);
    const runs: OutputRun[] = [];
    for (let offset = 0; offset < bytes.length; offset += runBytes)
      runs.push({ kind: 'data', stream: 'stdout', offset, data: bytes.subarray(offset, offset + runBytes) });
    await ledger.append(id, OWNER, START, runs);
    const command = commands.change(id, { status: 'succeeded', position: advance(START, runs) })!;
    const reads: number[] = [];
    const output = {
      assertReadable: () => Promise.resolve(),
      read: async (...[, from, maxBytes]: Parameters<OutputService['read']>) => {
        const read = await ledger.read(id, from, maxBytes);
        reads.push(read.length * runBytes);
        return read;
      },
    } as Pick<OutputService, 'assertReadable' | 'read'> as OutputService;
    const pages: OutputPage[] = [];
    for (let cursor: string | undefined; ;) {
      reads.length = 0;
      const page = await framePage(output, command, Object.assign(new OutputQuery(), { ...query, cursor }));
      expect(reads.reduce((sum, read) => sum + read, 0)).toBeLessThanOrEqual(2 * PAGE_BYTES_MAX);
      pages.push(page);
      if (page.nextCursor === null) return pages;
      cursor = page.nextCursor;
    }
  }

  const bytesIn = (pages: readonly OutputPage[]): Buffer =>
    Buffer.concat(
      pages.flatMap(({ data }) =>
        data.map((frame) => Buffer.from(frame.data!, frame.encoding === 'base64' ? 'base64' : 'utf8')),
      ),
    );

  it.each([
    ['control characters', Buffer.alloc(2_000_000, 1)],
    ['text', Buffer.alloc(3_000_000, 'text ')],
    ['binary data', Buffer.alloc(3_000_000, 0xfe)],
  ])('end at 1 MiB of %s, and continue exactly from there', async (_what, bytes) => {
    const pages = await pagesOf(bytes);
    expect(pages.length).toBeGreaterThan(1);
    for (const page of pages) expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(PAGE_BYTES_MAX + 200);
    expect(bytesIn(pages).equals(bytes)).toBe(true);
  });

  it('have 50 frames by default', async () => {
    const pages = await pagesOf(Buffer.alloc(120, 'x'), 1, {});
    expect(pages.map(({ data }) => data.length)).toEqual([50, 50, 20]);
  });

  it('end at the requested number of frames', async () => {
    const bytes = Buffer.from('0123456789');
    const pages = await pagesOf(bytes, 1, { limit: 3 });
    expect(pages.map(({ data }) => data.length)).toEqual([3, 3, 3, 1]);
    expect(pages.map(({ complete }) => complete)).toEqual([false, false, false, true]);
    expect(bytesIn(pages).equals(bytes)).toBe(true);
  });
});

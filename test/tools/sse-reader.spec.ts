import { readEvents } from '../support/index.js';

async function read(text: string, chunkBytes: number) {
  const bytes = Buffer.from(text);
  async function* chunks() {
    for (let i = 0; i < bytes.length; i += chunkBytes) yield bytes.subarray(i, i + chunkBytes);
  }
  const events = [];
  for await (const event of readEvents(chunks())) events.push(event);
  return events;
}

const STREAM =
  'retry: 200\n: a comment\n\nid: a1\nevent: output\ndata: {"text":"ä€"}\n\ndata: one\ndata: two\r\n\r\ndata: never ended';

describe('readEvents', () => {
  it.each([1, 2, 7, 1000])('reads the same events from chunks of %d bytes', async (chunkBytes) => {
    expect(await read(STREAM, chunkBytes)).toEqual([
      { id: 'a1', event: 'output', data: { text: 'ä€' } },
      { id: 'a1', event: 'message', data: 'one\ntwo' },
    ]);
  });
});

/** One event as a browser's EventSource would give it. */
export interface SseEvent {
  /** The last id seen so far, as the standard says; empty before the first. */
  readonly id: string;
  readonly event: string;
  /** Parsed if it is JSON, else the text. */
  readonly data: any;
  /** Set by a `retry:` line since the last event. */
  readonly retryMs?: number;
}

/** Reads a stream of server-sent events. @see HTML Standard, 9.2.6 "Interpreting an event stream" */
export async function* readEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<SseEvent> {
  let id = '';
  let fields = new Map<string, string>();
  for await (const line of lines(chunks)) {
    if (line === '') {
      const { data, event = 'message', retry } = Object.fromEntries(fields);
      if (data !== undefined) yield { id, event, data: parsed(data), ...(retry && { retryMs: Number(retry) }) };
      fields = new Map();
      continue;
    }
    const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (name === 'id') id = value;
    const before = name === 'data' ? fields.get('data') : undefined;
    fields.set(name, before === undefined ? value : `${before}\n${value}`);
  }
}

async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) yield part.endsWith('\r') ? part.slice(0, -1) : part;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

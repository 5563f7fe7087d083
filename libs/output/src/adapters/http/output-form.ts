import { InvalidInput } from '@app/kernel';
import type { Request } from 'express';
import type { OutputQuery } from './output.dto.js';

/** The forms of output, and the parameters that apply to each. */
const FORMS = {
  'head-tail': { takes: ['view', 'stream', 'maxBytes'], what: 'the beginning and the end' },
  frames: { takes: ['cursor', 'limit'], what: 'frames of both streams as JSON, continued by a cursor' },
  followed: { takes: ['follow', 'stream', 'from'], what: 'raw bytes, followed to the end' },
  raw: { takes: ['stream', 'from', 'limit'], what: 'the raw bytes stored so far' },
} as const;

export type OutputForm = keyof typeof FORMS;

/** @throws {@link InvalidInput} if a parameter is given that would be ignored */
export function outputForm(request: Request, query: OutputQuery): OutputForm {
  const form = formOf(request, query);
  const { takes, what } = FORMS[form];
  const known: readonly string[] = query.follow ? takes : [...takes, 'follow'];
  const ignored = Object.keys(request.query).filter((name) => !known.includes(name));
  if (ignored.length > 0)
    throw new InvalidInput(ignored.map((pointer) => ({ pointer, detail: `means nothing for ${what}` })));
  return form;
}

function formOf(request: Request, { view, follow }: OutputQuery): OutputForm {
  if (view === 'head-tail') return 'head-tail';
  const type = request.accepts(['application/octet-stream', 'application/json']);
  if (type === 'application/json') return 'frames';
  return follow ? 'followed' : 'raw';
}

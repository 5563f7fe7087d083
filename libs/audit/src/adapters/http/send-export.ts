import { breakOff, endHead, writeTo } from '@app/http';
import type { Response } from 'express';
import type { AuditRecord } from '../../domain/audit-record.js';
import type { ExportFormat } from './audit.dto.js';
import { EXPORT_FORMATS } from './export-formats.js';

/**
 * Sends the batches at the pace of the client, and reads the next one only when the kernel has the last one. A response
 * that ends normally is complete; any other is broken off.
 */
export async function sendExport(
  batches: AsyncGenerator<readonly AuditRecord[], void>,
  format: ExportFormat,
  response: Response,
  signal: AbortSignal,
): Promise<void> {
  const { header, lineOf } = EXPORT_FORMATS[format];
  const isHead = response.req.method === 'HEAD';
  // An error up to here still has a response of its own.
  let batch = isHead ? null : await batches.next();
  setHeaders(response, format);
  if (endHead(response)) return;
  let isComplete = false;
  try {
    await writeTo(response, Buffer.from(header), signal);
    for (; batch?.done === false && !signal.aborted; batch = await batches.next())
      await writeTo(response, Buffer.from(batch.value.map(lineOf).join('')), signal);
    isComplete = !signal.aborted;
  } finally {
    if (isComplete) response.end();
    else breakOff(response);
  }
}

function setHeaders(response: Response, format: ExportFormat): void {
  response.setHeader('Content-Type', EXPORT_FORMATS[format].contentType);
  response.setHeader('Content-Disposition', `attachment; filename="rdev-audit.${format}"`);
  response.setHeader('Cache-Control', 'no-store, no-transform');
  response.setHeader('X-Accel-Buffering', 'no');
}

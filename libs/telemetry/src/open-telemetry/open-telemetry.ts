import type { OpenTelemetryConfig } from '@app/config';
import type { OpenTelemetry, OpenTelemetryOptions } from './options.js';

/** Starts the export of traces and metrics. While it is off, nothing of the SDK is loaded. */
export async function startOpenTelemetry(
  config: OpenTelemetryConfig | null,
  options: OpenTelemetryOptions,
): Promise<OpenTelemetry> {
  if (config === null) return { stop: () => Promise.resolve() };
  const { start } = await import('./start.js');
  return start(config, options);
}

export { RequestLog } from './request-log.js';
export { TelemetryModule } from './telemetry.module.js';
export { startOpenTelemetry } from './open-telemetry/open-telemetry.js';

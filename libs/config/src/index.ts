export { Config, InvalidConfiguration, loadConfig } from './config.js';
export { describeVariables } from './describe-variables.js';
export type { OpenTelemetryConfig } from './open-telemetry.js';
export type { VariableInfo } from './variable.js';
export { isCidrOrAddress } from './validators.js';

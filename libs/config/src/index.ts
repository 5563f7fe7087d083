export { Config, InvalidConfiguration, loadConfig } from './config.js';
export { type VariableInfo, describeVariables } from './variable.js';
export { isCidrOrAddress } from './validators.js';

export { Backoff } from './backoff.js';
export { CIRCUIT_STATES, Circuit, CircuitOpen, type CircuitOptions, type CircuitStateName } from './circuit.js';
export { Circuits } from './circuits.js';
export { type Retrying, retryWhileUnavailable } from './retry.js';

export { asCaller, bodyReading } from './body-reading.js';
export { NoRefusalsModule } from './no-refusals.module.js';

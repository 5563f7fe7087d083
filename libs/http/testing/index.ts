export { asCaller, bodyReading } from './body-reading.js';

export { type ApiOptions, ApiProcess, newKey, startApi } from './api-process.js';
export { type TestDatabase, createTestDatabase } from './database.js';
export { eventually } from './deadline.js';
export { HttpClient, type SseOptions, type SseStream, StreamRefused, type TestResponse } from './http-client.js';
export { freePort, killProcessesOf } from './processes.js';
export { type SseEvent, readEvents } from './sse-reader.js';

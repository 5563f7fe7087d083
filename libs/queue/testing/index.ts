export { PostgresAdmission } from '../src/adapters/postgres/postgres-admission.js';
export { AGING_SECONDS, type AdmissionHarness, describeAdmission } from './describe-admission.js';
export { InMemoryAdmission } from './in-memory-admission.js';
export { type Filling, fillQueue, fillQueueUnanalyzed } from './fill-queue.js';
export { type QueueRepositoryHarness, describeQueueRepository } from './describe-queue-repository.js';
export { InMemoryQueueRepository } from './in-memory-queue.repository.js';
export { postgresCommandStore } from './postgres-command-store.js';

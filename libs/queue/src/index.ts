export { EnqueuingModule } from './enqueuing.module.js';
export { QueueModule } from './queue.module.js';
export { QueueLimits } from './application/queue-limits.js';
export { type QueueOrder, compareOrder } from './domain/queue-order.js';

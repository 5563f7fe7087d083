export { CommandQueueModule } from './command-queue.module.js';
export { QueueModule } from './queue.module.js';
export { QueueLimits } from './application/queue-limits.js';
export { type QueueOrder, compareOrder, dueAt } from './domain/queue-order.js';

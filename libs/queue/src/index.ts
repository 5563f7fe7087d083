export { QueueModule } from './queue.module.js';
export { QueueLimits } from './application/queue-limits.js';

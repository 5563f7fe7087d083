import { CreateTables1763900000000 } from './1763900000000-create-tables.js';
import { AddKeyLimits1764100000000 } from './1764100000000-add-key-limits.js';
import { AddKeyRotationAndTickets1764110000000 } from './1764110000000-add-key-rotation-and-tickets.js';
import { AddRateLimitHits1764120000000 } from './1764120000000-add-rate-limit-hits.js';
import { AddCommandQueue1764140000000 } from './1764140000000-add-command-queue.js';
import { AddProjectLifeCycle1764150000000 } from './1764150000000-add-project-life-cycle.js';
import { AddAdmissionRound1790000050000 } from './1790000050000-add-admission-round.js';

/** In the order in which they run. Never edited once merged. */
export const migrations = [
  CreateTables1763900000000,
  AddKeyLimits1764100000000,
  AddKeyRotationAndTickets1764110000000,
  AddRateLimitHits1764120000000,
  AddCommandQueue1764140000000,
  AddProjectLifeCycle1764150000000,
  AddAdmissionRound1790000050000,
];

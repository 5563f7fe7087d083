import { CreateTables1763900000000 } from './1763900000000-create-tables.js';
import { AddKeyLimits1764100000000 } from './1764100000000-add-key-limits.js';
import { AddKeyRotationAndTickets1764110000000 } from './1764110000000-add-key-rotation-and-tickets.js';
import { AddRateLimitHits1764120000000 } from './1764120000000-add-rate-limit-hits.js';
import { AddCommandQueue1764140000000 } from './1764140000000-add-command-queue.js';
import { AddProjectLifeCycle1764150000000 } from './1764150000000-add-project-life-cycle.js';
import { AddAdmissionRound1790000050000 } from './1790000050000-add-admission-round.js';
import { KeepQueueInStep1790000100000 } from './1790000100000-keep-queue-in-step.js';
import { RepairQueue1790000100001 } from './1790000100001-repair-queue.js';
import { AddCommandOutline1790000100002 } from './1790000100002-add-command-outline.js';
import { AddCommandTraces1790000100010 } from './1790000100010-add-command-traces.js';
import { IndexCommandInputs1790000100011 } from './1790000100011-index-command-inputs.js';
import { AddInstall1790000200000 } from './1790000200000-add-install.js';
import { AddProjectVolume1790000200001 } from './1790000200001-add-project-volume.js';
import { AddWebhooks1790000300000 } from './1790000300000-add-webhooks.js';
import { AddCallbacks1790000300001 } from './1790000300001-add-callbacks.js';
import { BoundWebhooks1790000300002 } from './1790000300002-bound-webhooks.js';
import { SealEvents1790000400000 } from './1790000400000-seal-events.js';
import { AddAuditCheckpoints1790000400001 } from './1790000400001-add-audit-checkpoints.js';
import { IndexEvents1790000400010 } from './1790000400010-index-events.js';
import { AddCommandActor1790000400020 } from './1790000400020-add-command-actor.js';
import { AddPartitionFunctions1790000400030 } from './1790000400030-add-partition-functions.js';
import { AddDeliveryTrace1790000500000 } from './1790000500000-add-delivery-trace.js';

/** In the order in which they run. Never edited once merged. */
export const migrations = [
  CreateTables1763900000000,
  AddKeyLimits1764100000000,
  AddKeyRotationAndTickets1764110000000,
  AddRateLimitHits1764120000000,
  AddCommandQueue1764140000000,
  AddProjectLifeCycle1764150000000,
  AddAdmissionRound1790000050000,
  KeepQueueInStep1790000100000,
  RepairQueue1790000100001,
  AddCommandOutline1790000100002,
  AddCommandTraces1790000100010,
  IndexCommandInputs1790000100011,
  AddInstall1790000200000,
  AddProjectVolume1790000200001,
  AddWebhooks1790000300000,
  AddCallbacks1790000300001,
  BoundWebhooks1790000300002,
  SealEvents1790000400000,
  AddAuditCheckpoints1790000400001,
  IndexEvents1790000400010,
  AddCommandActor1790000400020,
  AddPartitionFunctions1790000400030,
  AddDeliveryTrace1790000500000,
];

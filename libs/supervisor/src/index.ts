export { Supervisor } from './supervisor.js';
export { Standbys } from './standby.js';
export { SIGNAL_NAMES } from './types.js';
export type {
  Attachment,
  AttachmentEnd,
  ExitRecord,
  KillReport,
  OutputChunk,
  Program,
  SignalName,
  SignalOutcome,
  StartRequest,
  StdinOutcome,
  StdinPiece,
  StreamName,
  StreamPosition,
} from './types.js';

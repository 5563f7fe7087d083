export type { ChannelEnd, OpenChannel, SupervisorChannel } from './channel.js';
export { openLocalChannel } from './local-channel.js';
export type { LocalChannelOptions } from './local-channel.js';
export { Supervisor } from './supervisor.js';
export { SIGNAL_NAMES } from './types.js';
export type {
  Attachment,
  AttachmentEnd,
  ExitRecord,
  KillReport,
  OutputChunk,
  Program,
  SignalName,
  StartRequest,
  StdinOutcome,
  StdinPiece,
  StreamName,
  StreamPosition,
} from './types.js';

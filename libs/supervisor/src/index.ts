export type { ChannelEnd, OpenChannel, SupervisorChannel } from './channel.js';
export type {
  Attachment,
  AttachmentEnd,
  ExitRecord,
  KillReport,
  OutputChunk,
  Program,
  StartRequest,
  StreamName,
  StreamPosition,
} from './types.js';

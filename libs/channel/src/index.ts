export { ChannelRefused, type ChannelEnd, type OpenChannel, type Channel } from './channel.js';
export { openLocalChannel, type LocalChannelOptions } from './local-channel.js';

/**
 * Preloaded into the API by start.mjs: when that process is gone, by whatever signal, the API shuts down as on SIGTERM.
 */
if (process.channel) {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref(); // listening must not keep alive what has nothing left to do
}

/**
 * Preloaded into the API by api.mjs: when the parent process ends, even if killed, the API shuts down as on SIGTERM.
 */
if (process.channel) {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref(); // listening must not keep the process alive
}

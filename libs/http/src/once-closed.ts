import type { ServerResponse } from 'node:http';

/** Runs the action when the response has been sent or its client has left: at once if that is so already. */
export function onceClosed(response: ServerResponse, action: () => void): void {
  if (response.closed) action();
  else response.once('close', action);
}

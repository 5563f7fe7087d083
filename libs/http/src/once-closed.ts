import type { ServerResponse } from 'node:http';

/** Runs the action once the response has been sent or its client has disconnected; immediately if it already has. */
export function onceClosed(response: ServerResponse, action: () => void): void {
  if (response.closed) action();
  else response.once('close', action);
}

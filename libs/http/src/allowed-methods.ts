import type { Request } from 'express';

interface Layer {
  readonly route?: { readonly methods: Readonly<Record<string, boolean>> };
  match(path: string): boolean;
}

/** Middleware is registered for all methods, and is not a route. */
const CATCH_ALL = 10;

/** The methods of the routes that match the path. Empty: there is no such path. */
export function allowedMethods(request: Request): string[] {
  const { stack } = (request.app as unknown as { router: { stack: Layer[] } }).router;
  const methods = stack
    .filter((layer) => matches(layer, request.path))
    .map((layer) => Object.keys(layer.route?.methods ?? {}))
    .filter((names) => names.length < CATCH_ALL)
    .flat();
  return [...new Set(methods)].map((method) => method.toUpperCase()).sort();
}

function matches(layer: Layer, path: string): boolean {
  try {
    return layer.match(path);
  } catch {
    return false; // A path that cannot be decoded matches no route.
  }
}

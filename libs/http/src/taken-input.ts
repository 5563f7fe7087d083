import { type InvalidField, InvalidInput } from '@app/kernel';
import { type ExecutionContext, SetMetadata } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { Request } from 'express';
import { childPointer } from './input.js';

const QUERY_NAMES = 'rdev:query-names';

/** Parameters of the query that a route reads by itself, and not by a class. */
export const ReadsQuery = (...names: readonly string[]): MethodDecorator => SetMetadata(QUERY_NAMES, names);

/**
 * Where a route has a class for its query or its body, that says what is unknown. Where it has none, nothing is known.
 * @throws {@link InvalidInput} if the request has what the route would ignore
 */
export function assertNothingIgnored(context: ExecutionContext, { query, body }: Request): void {
  const errors = [
    ...(takes(context, RouteParamtypes.QUERY) ? [] : unknownIn(query, namesOf(context))),
    ...(takes(context, RouteParamtypes.BODY) ? [] : unknownFields(body)),
  ];
  if (errors.length > 0) throw new InvalidInput(errors.slice(0, 50));
}

function takes(context: ExecutionContext, type: RouteParamtypes): boolean {
  const taken = (Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), context.getHandler().name) ??
    {}) as Readonly<Record<string, unknown>>;
  return Object.keys(taken).some((key) => key.startsWith(`${String(type)}:`));
}

function namesOf(context: ExecutionContext): readonly string[] {
  return (Reflect.getMetadata(QUERY_NAMES, context.getHandler()) ?? []) as readonly string[];
}

function unknownIn(query: Request['query'], known: readonly string[]): InvalidField[] {
  const names = Object.keys(query).filter((name) => !known.includes(name));
  return names.map((name) => ({ pointer: childPointer('', name), detail: 'is not a parameter of this route' }));
}

function unknownFields(body: unknown): InvalidField[] {
  const names = Object.keys(body ?? {});
  return names.map((name) => ({ pointer: childPointer('#', name), detail: 'is not a known field' }));
}

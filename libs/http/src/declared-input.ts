import { type InvalidField, InvalidInput } from '@app/kernel';
import { type ExecutionContext, SetMetadata } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { Request } from 'express';
import { childPointer } from './input.js';

const QUERY_NAMES = 'rdev:query-names';

/** Query parameters that a route reads directly, without a class. */
export const ReadsQuery = (...names: readonly string[]): MethodDecorator => SetMetadata(QUERY_NAMES, names);

/**
 * Checks input for which the route has no class; otherwise the class rejects unknown fields.
 * @throws {@link InvalidInput} if the request contains input that the route would ignore
 */
export function assertNothingIgnored(context: ExecutionContext, { query, body }: Request): void {
  const errors = [
    ...(declares(context, RouteParamtypes.QUERY) ? [] : unknownIn(query, namesOf(context))),
    ...(declares(context, RouteParamtypes.BODY) ? [] : unknownFields(body)),
  ];
  if (errors.length > 0) throw new InvalidInput(errors.slice(0, 50));
}

function declares(context: ExecutionContext, type: RouteParamtypes): boolean {
  const declared = (Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), context.getHandler().name) ??
    {}) as Readonly<Record<string, unknown>>;
  return Object.keys(declared).some((key) => key.startsWith(`${String(type)}:`));
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

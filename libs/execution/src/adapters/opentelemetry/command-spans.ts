import { CommandHints, type CommandObserver, type CommandSummary } from '@app/commands';
import { contextOfObject, recordObject, recordSpan } from '@app/tracing';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Attributes } from '@opentelemetry/api';

/**
 * Records the spans of the commands that this replica ends, from the times in the database: so they are whole whichever
 * replicas admitted, started and followed a command. The span of a command outlives its request and is linked to it.
 */
@Injectable()
export class CommandSpans implements CommandObserver, OnModuleInit {
  constructor(private readonly hints: CommandHints) {}

  onModuleInit(): void {
    this.hints.observe(this);
  }

  admitted(): void {
    // It has a span once it has ended.
  }

  ended(command: CommandSummary): void {
    const { id, type, traceparent, createdAt, admittedAt, startedAt, firstByteAt, endedAt } = command;
    if (endedAt === null) return;
    recordObject(traceparent, id, {
      name: `command ${type}`,
      from: createdAt,
      to: endedAt,
      attributes: attributesOf(command),
      isLinked: true,
      failure: command.status === 'succeeded' ? null : command.status,
    });
    const below = contextOfObject(traceparent, id);
    recordSpan(below, { name: 'command queued', from: createdAt, to: admittedAt ?? endedAt });
    if (admittedAt !== null) recordSpan(below, { name: 'command start', from: admittedAt, to: startedAt ?? endedAt });
    if (startedAt === null) return;
    const events = firstByteAt === null ? [] : [{ name: 'first byte', at: firstByteAt }];
    recordSpan(below, { name: 'command run', from: startedAt, to: endedAt, events });
  }
}

/** Never what it runs, nor its environment. */
function attributesOf({
  id,
  projectId,
  type,
  status,
  priority,
  instance,
  result,
  position,
}: CommandSummary): Attributes {
  return {
    'rdev.command.id': id,
    'rdev.project.id': projectId,
    'rdev.command.type': type,
    'rdev.command.status': status,
    'rdev.command.priority': priority,
    'rdev.command.stdout.bytes': position.stdout,
    'rdev.command.stderr.bytes': position.stderr,
    ...present({
      'rdev.command.reason': result?.reason,
      'process.exit.code': result?.exitCode,
      'k8s.pod.name': instance?.pod,
      'k8s.container.name': instance?.container,
      'container.id': instance?.containerId,
    }),
  };
}

function present(attributes: Readonly<Record<string, string | number | null | undefined>>): Attributes {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, value ?? undefined]));
}

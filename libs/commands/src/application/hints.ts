import { Notifier } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import type { CommandSummary } from '../domain/command.js';

const CHANNEL = 'command';
const QUEUE_CHANNEL = 'queue';
const CANCEL_CHANNEL = 'cancel';

/** Observes this replica's commands. */
export interface CommandObserver {
  /** It has left the queue to be started. */
  admitted(command: CommandSummary): void;
  ended(command: CommandSummary): void;
}

/** Hints that a command has new output or another status. Waiters also poll from time to time. */
@Injectable()
export class CommandHints {
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly observers: CommandObserver[] = [];

  constructor(private readonly notifier: Notifier) {
    notifier.subscribe(
      CHANNEL,
      (id) => {
        this.wake(id);
      },
      () => {
        for (const id of this.listeners.keys()) this.wake(id);
      },
    );
  }

  changed(id: string): void {
    this.notifier.notify(CHANNEL, id);
  }

  /** This replica has admitted the command. */
  admitted(command: CommandSummary): void {
    this.changed(command.id);
    for (const observer of this.observers) observer.admitted(command);
  }

  /** This replica has ended the command. */
  ended(command: CommandSummary): void {
    this.changed(command.id);
    for (const observer of this.observers) observer.ended(command);
  }

  observe(observer: CommandObserver): void {
    this.observers.push(observer);
  }

  /** The cancellation of a running command was requested. */
  cancelRequested(id: string): void {
    this.notifier.notify(CANCEL_CHANNEL, id);
  }

  onCancelRequest(listener: (id: string) => void): () => void {
    return this.notifier.subscribe(CANCEL_CHANNEL, listener);
  }

  /** A command was queued, or a slot may be free. */
  queueChanged(): void {
    this.notifier.notify(QUEUE_CHANNEL, '');
  }

  onQueueChange(listener: () => void): () => void {
    return this.notifier.subscribe(QUEUE_CHANNEL, listener, listener);
  }

  /** Calls back at each hint; returns the unsubscribe function. */
  subscribe(id: string, listener: () => void): () => void {
    const listeners = this.listeners.get(id) ?? new Set();
    this.listeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.listeners.delete(id);
    };
  }

  private wake(id: string): void {
    for (const listener of this.listeners.get(id) ?? []) listener();
  }
}

import type { LeaseHolder } from '@app/kernel';

/** Where {@link SystemController} reads what only other parts of rdev know. Each read rejects while that is unknown. */
export interface SystemSources {
  /** Of rdev. */
  readonly version: string;
  readonly replicas: () => Promise<
    readonly { readonly name: string; readonly connectedAt: Date; readonly heartbeatAt: Date | null }[]
  >;
  /** By what is leased. */
  readonly leases: () => Promise<Readonly<Record<'commands' | 'projects', readonly LeaseHolder[]>>>;
  readonly events: () => Promise<{
    readonly pending: number;
    readonly pendingSeconds: number;
    readonly readers: readonly { readonly name: string; readonly behind: number }[];
  }>;
  readonly webhooks: () => Promise<{
    readonly pending: number;
    readonly lateSeconds: number;
    readonly openCircuits: number;
  }>;
  /** By table, the earliest first. */
  readonly partitions: () => Promise<
    ReadonlyMap<string, readonly { readonly name: string; readonly from: Date; readonly to: Date }[]>
  >;
}

export const SystemSources = Symbol('SystemSources');

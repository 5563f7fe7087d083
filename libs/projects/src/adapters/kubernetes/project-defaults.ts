import type { Resources } from '../../domain/project.js';

/** Additional settings of all project pods, in the form of Kubernetes. */
export interface PodDefaults {
  /** Null: the cluster's default. */
  readonly runtimeClassName: string | null;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly object[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** User, group and fsGroup. Null: left to the cluster or the image. */
  readonly user: number | null;
  readonly graceSeconds: number;
  /** Null: the cluster's name server at its conventional place. */
  readonly dnsEgress: readonly object[] | null;
}

const PLAIN: PodDefaults = {
  runtimeClassName: null,
  nodeSelector: {},
  tolerations: [],
  labels: {},
  annotations: {},
  user: 1000,
  graceSeconds: 5,
  dnsEgress: null,
};

/** The operator's defaults for projects; injected as a value. */
export class ProjectDefaults {
  constructor(
    readonly image: string,
    readonly storage: { readonly size: string; readonly className: string | null },
    readonly resources: Resources,
    readonly egress: readonly string[],
    /** Whether the root file system of projects is read-only. */
    readonly readOnlyRoot: boolean,
    readonly pod: PodDefaults = PLAIN,
  ) {}
}

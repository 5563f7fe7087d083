import type { Resources } from '../../domain/project.js';

/** What the operator gives projects that ask for nothing else; injected as a value. */
export class ProjectDefaults {
  constructor(
    readonly image: string,
    readonly storage: { readonly size: string; readonly className: string | null },
    readonly resources: Resources,
    readonly egress: readonly string[],
    /** Whether the root file system of projects is read-only. */
    readonly readOnlyRoot: boolean,
  ) {}
}

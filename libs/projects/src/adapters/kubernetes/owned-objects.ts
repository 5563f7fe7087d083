import { ClusterUnavailable, INSTALL_LABEL, KubernetesApiError, type KubernetesClient, orNull } from '@app/kubernetes';
import type { Install } from '@app/kernel';
import type { KubernetesObject } from '@kubernetes/client-node';
import { MANAGED_LABEL } from './project-objects.js';

/** Controllers update a new volume claim concurrently. */
const TRIES = 5;

/** An object with this name exists and is not ours; the message says whose it is and what to do. */
export class NotOurs extends Error {}

/** Access to the cluster's objects for one install: it neither changes nor removes foreign ones. */
export class OwnedObjects {
  constructor(
    private readonly client: KubernetesClient,
    private readonly install: Install,
  ) {}

  /** Whether the object is another install's. */
  isForeign({ metadata }: Pick<KubernetesObject, 'metadata'>): boolean {
    const maker = metadata?.labels?.[INSTALL_LABEL];
    return maker !== undefined && maker !== this.install.id;
  }

  /** The object, of any owner; null if there is none. */
  async find<T extends KubernetesObject>(path: string, signal?: AbortSignal): Promise<T | null> {
    return (await orNull(this.client.getJson(path, { signal }))) as T | null;
  }

  /**
   * The object, if there is one. An unowned object, created by a release without identities, is adopted by the first
   * install whose database has the project.
   * @throws {@link NotOurs}
   */
  async own<T extends KubernetesObject>(path: string, signal: AbortSignal): Promise<T | null> {
    for (let tries = TRIES; ; tries--) {
      const object = await this.find<T>(path, signal);
      if (object === null || object.metadata?.labels?.[INSTALL_LABEL] === this.install.id) return object;
      if (this.isForeign(object)) throw new NotOurs(reasonOf(object));
      const { uid, resourceVersion } = object.metadata ?? {};
      const labels = { [INSTALL_LABEL]: this.install.id };
      try {
        await this.client.patch(path, { metadata: { uid, resourceVersion, labels } }, { signal });
        return object;
      } catch (error) {
        if (!isConflict(error)) throw error;
        if (tries === 1) throw new ClusterUnavailable(error);
      }
    }
  }

  /** Changes one of our objects; one that was replaced meanwhile is left for the next reconciliation. */
  async change(path: string, change: object, signal: AbortSignal): Promise<void> {
    await unlessChanged(this.client.patch(path, change, { signal }));
  }

  /**
   * Returns the existing object if another replica has created it meanwhile; null if it is already gone again. @throws
   * {@link NotOurs} if another install created it
   */
  async create<T extends KubernetesObject>(collection: string, object: T, signal: AbortSignal): Promise<T | null> {
    try {
      return (await this.client.create(collection, object, { signal })) as T;
    } catch (error) {
      if (!(error instanceof KubernetesApiError) || error.reason !== 'AlreadyExists') throw error;
    }
    const found = await this.find<T>(`${collection}/${object.metadata?.name ?? ''}`, signal);
    if (found !== null && this.isForeign(found)) throw new NotOurs(reasonOf(found));
    return found;
  }

  /** Requests the deletion of our object. Returns whether it is gone. */
  async remove(path: string, signal: AbortSignal): Promise<boolean> {
    const object = await this.find(path, signal);
    if (object === null || this.isForeign(object)) return true;
    await unlessChanged(this.client.remove(path, object.metadata?.uid, { signal }));
    const left = await this.find(path, signal);
    return left === null || this.isForeign(left);
  }
}

/** Whether this or another install of rdev created it. */
export function isManaged({ metadata }: Pick<KubernetesObject, 'metadata'>): boolean {
  return metadata?.labels?.[MANAGED_LABEL] === 'true';
}

/** A failed precondition is not the project's fault: it is reconciled again. */
async function unlessChanged(answer: Promise<unknown>): Promise<void> {
  try {
    await answer;
  } catch (error) {
    throw isConflict(error) ? new ClusterUnavailable(error) : error;
  }
}

function isConflict(error: unknown): error is KubernetesApiError {
  return error instanceof KubernetesApiError && error.reason === 'Conflict';
}

function reasonOf({ kind = 'object', metadata }: KubernetesObject): string {
  const { name = '', labels = {} } = metadata ?? {};
  return `the ${kind} "${name}" in the namespace belongs to another rdev install (${labels[INSTALL_LABEL] ?? ''}). Delete this project and choose another id, or give each install a namespace of its own`;
}

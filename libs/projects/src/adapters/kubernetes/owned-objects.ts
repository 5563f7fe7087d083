import { ClusterUnavailable, INSTALL_LABEL, KubernetesApiError, type KubernetesClient, orNull } from '@app/kubernetes';
import type { Install } from '@app/kernel';
import type { KubernetesObject } from '@kubernetes/client-node';
import { MANAGED_LABEL } from './project-objects.js';

/** Controllers change a new volume claim at the same time. */
const TRIES = 5;

/** What has the name of one of our objects and is not ours; the message says whose it is and what to do. */
export class NotOurs extends Error {}

/** Objects of the cluster as one install may treat them: what others made is neither changed nor removed. */
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

  /** As it is, whosever it is; null if there is none. */
  async find<T extends KubernetesObject>(path: string, signal?: AbortSignal): Promise<T | null> {
    return (await orNull(this.client.getJson(path, { signal }))) as T | null;
  }

  /**
   * The object, if there is one, made ours if nobody's: a release without identities made it, and the first install
   * whose database has the project takes it over.
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

  /** Changes an object of ours; one that was replaced meanwhile is left for the next time. */
  async change(path: string, change: object, signal: AbortSignal): Promise<void> {
    await unlessChanged(this.client.patch(path, change, { signal }));
  }

  /**
   * What another replica has created meanwhile stays; null: and is gone again. @throws {@link NotOurs} if it was
   * another install
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

  /** Asks for the end of what is ours. Answers whether nothing of ours is left. */
  async remove(path: string, signal: AbortSignal): Promise<boolean> {
    const object = await this.find(path, signal);
    if (object === null || this.isForeign(object)) return true;
    await unlessChanged(this.client.remove(path, object.metadata?.uid, { signal }));
    const left = await this.find(path, signal);
    return left === null || this.isForeign(left);
  }
}

/** Whether rdev made it, this install or another. */
export function isManaged({ metadata }: Pick<KubernetesObject, 'metadata'>): boolean {
  return metadata?.labels?.[MANAGED_LABEL] === 'true';
}

/** A precondition that does not hold says nothing against the project: it is looked at again. */
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

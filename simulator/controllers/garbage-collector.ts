import type { KubeObject } from '../objects.js';
import type { GroupResource } from '../status.js';
import type { Store } from '../store.js';

/** Deletes objects whose owners no longer exist. @returns a function that stops it */
export function collectGarbage(store: Store): () => void {
  const check = (resource: GroupResource, { metadata }: KubeObject) => {
    const { namespace, name, ownerReferences = [], deletionTimestamp } = metadata;
    if (ownerReferences.length === 0 || deletionTimestamp) return;
    const present = ownerReferences.filter(({ uid }) => store.has(uid));
    if (present.length === ownerReferences.length) return;
    if (present.length > 0)
      store.change(resource, namespace, name, (draft) => (draft.metadata.ownerReferences = present));
    else store.delete(resource, store.get(resource, namespace, name), resource === 'pods' ? 1 : 0);
  };
  return store.watch(({ type, resource, object }) => {
    if (type === 'ADDED') check(resource, object);
    if (type === 'DELETED') for (const [of, dependent] of store.everything()) check(of, dependent);
  });
}

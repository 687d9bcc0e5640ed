import type { Store } from '../store.js';

/** Deletes what belonged to an object that is gone. @returns a function that stops it */
export function collectGarbage(store: Store): () => void {
  return store.watch(({ type, object: { metadata } }) => {
    if (type !== 'DELETED') return;
    for (const [resource, dependent] of store.everything()) {
      const owners = dependent.metadata.ownerReferences ?? [];
      if (!owners.some(({ uid }) => uid === metadata.uid) || dependent.metadata.deletionTimestamp) continue;
      const others = owners.filter(({ uid }) => uid !== metadata.uid);
      const { namespace, name } = dependent.metadata;
      if (others.length > 0)
        store.change(resource, namespace, name, (draft) => (draft.metadata.ownerReferences = others));
      else store.delete(resource, dependent, resource === 'pods' ? 1 : 0);
    }
  });
}

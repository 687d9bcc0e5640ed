import { setCondition, type KubeObject } from '../objects.js';
import { StatusError } from '../status.js';
import type { Store } from '../store.js';
import type { Reconciler } from './reconciler.js';

/** Deletes namespaces: first their content, then their own finalizer. */
export function endNamespaces(reconciler: Reconciler, store: Store): void {
  reconciler.on('namespaces', ({ metadata }) => {
    const { name } = metadata;
    if (!metadata.deletionTimestamp) return;
    for (const [resource, object] of [...store.contentOf(name)])
      if (!object.metadata.deletionTimestamp) store.delete(resource, object, resource === 'pods' ? 1 : 0);
    const rest = [...store.contentOf(name)];
    if (rest.length === 0)
      return void store.change('namespaces', undefined, name, (draft) => (draft.spec.finalizers = []));
    noteWhatIsLeft(
      store,
      name,
      rest.map(([, object]) => object),
    );
    throw new StatusError(409, 'Conflict', 'there is content left'); // makes the reconciler call again
  });
}

function noteWhatIsLeft(store: Store, name: string, rest: KubeObject[]): void {
  const held = rest.filter(({ metadata }) => metadata.finalizers?.length);
  const names = held.map(({ kind, metadata }) => `${kind} ${metadata.name} has ${metadata.finalizers!.join(', ')}`);
  store.change('namespaces', undefined, name, (draft) => {
    setCondition(draft, 'NamespaceFinalizersRemaining', held.length > 0, {
      reason: held.length > 0 ? 'SomeFinalizersRemain' : 'ContentHasNoFinalizers',
      message:
        held.length > 0
          ? `Some content in the namespace has finalizers remaining: ${names.join('; ')}`
          : 'All content-preserving finalizers finished',
    });
  });
}

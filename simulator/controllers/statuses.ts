import { setCondition } from '../objects.js';
import type { Store } from '../store.js';
import type { Reconciler } from './reconciler.js';

/** Says of what needs nothing else that it is there: claims are bound, definitions established. */
export function writeStatuses(reconciler: Reconciler, store: Store): void {
  reconciler.on('persistentvolumeclaims', ({ metadata }) => {
    store.change(
      'persistentvolumeclaims',
      metadata.namespace,
      metadata.name,
      (draft) => (draft.status = { phase: 'Bound' }),
    );
  });
  const definitions = 'customresourcedefinitions.apiextensions.k8s.io';
  reconciler.on(definitions, ({ metadata, spec }) => {
    store.change(definitions, undefined, metadata.name, (draft) => {
      draft.status = { ...draft.status, acceptedNames: spec.names };
      setCondition(draft, 'NamesAccepted', true, { reason: 'NoConflicts' });
      setCondition(draft, 'Established', true, { reason: 'InitialNamesAccepted' });
    });
  });
}

import { setCondition } from '../objects.js';
import type { Store } from '../store.js';
import type { Reconciler } from './reconciler.js';

/** Sets statuses that need no work: claims are bound, quotas counted, CRDs established. */
export function writeStatuses(reconciler: Reconciler, store: Store): void {
  reconciler.on('persistentvolumeclaims', ({ metadata }) => {
    store.change(
      'persistentvolumeclaims',
      metadata.namespace,
      metadata.name,
      (draft) => (draft.status = { phase: 'Bound' }),
    );
  });
  reconciler.on('resourcequotas', ({ metadata, spec, status }) => {
    if (JSON.stringify(status?.hard) === JSON.stringify(spec.hard)) return;
    store.change(
      'resourcequotas',
      metadata.namespace,
      metadata.name,
      (draft) => (draft.status = { hard: spec.hard, used: {} }),
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

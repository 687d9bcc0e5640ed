import type { Authority } from '../certificates.js';
import { toBase64 } from '../objects.js';
import type { Resources } from '../resources.js';
import { issueToken } from '../tokens.js';
import type { Reconciler } from './reconciler.js';

/** Gives every namespace its `default` account and the CA, and fills the token Secrets of accounts. */
export function runServiceAccounts(reconciler: Reconciler, { store, make }: Resources, authority: Authority): void {
  reconciler.on('namespaces', ({ metadata: { name: namespace, deletionTimestamp } }) => {
    if (deletionTimestamp) return;
    if (!store.find('serviceaccounts', namespace, 'default'))
      make({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } });
    const name = 'kube-root-ca.crt';
    if (!store.find('configmaps', namespace, name))
      make({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace },
        data: { 'ca.crt': authority.certificate },
      });
  });

  reconciler.on('secrets', ({ metadata, type, data }) => {
    if (type !== 'kubernetes.io/service-account-token' || data?.token) return;
    const accountName = metadata.annotations?.['kubernetes.io/service-account.name'] ?? '';
    const account = store.find('serviceaccounts', metadata.namespace, accountName);
    if (!account) return;
    store.change('secrets', metadata.namespace, metadata.name, (draft) => {
      draft.metadata.annotations!['kubernetes.io/service-account.uid'] = account.metadata.uid!;
      draft.data = {
        ...data,
        'ca.crt': toBase64(authority.certificate),
        namespace: toBase64(metadata.namespace!),
        token: toBase64(issueToken(authority.privateKey, account)),
      };
    });
  });
}

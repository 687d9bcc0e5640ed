import type { Authority } from '../certificates.js';
import { toBase64 } from '../objects.js';
import type { Resources } from '../resources.js';
import type { Store } from '../store.js';
import { issueToken } from '../tokens.js';
import type { Reconciler } from './reconciler.js';

const published = 'kube-root-ca.crt';

/** Gives every namespace its `default` account and the CA, and fills the token Secrets of accounts. */
export function runServiceAccounts(
  reconciler: Reconciler,
  { store, make }: Resources,
  cluster: { readonly authority: Authority },
): void {
  reconciler.on('namespaces', ({ metadata: { name: namespace, deletionTimestamp } }) => {
    if (deletionTimestamp) return;
    if (!store.find('serviceaccounts', namespace, 'default'))
      make({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } });
    if (!store.find('configmaps', namespace, published))
      make({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: published, namespace },
        data: { 'ca.crt': cluster.authority.certificate },
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
        'ca.crt': toBase64(cluster.authority.certificate),
        namespace: toBase64(metadata.namespace!),
        token: toBase64(issueToken(cluster.authority.privateKey, account)),
      };
    });
  });
}

/** Puts a new CA where pods read it. */
export function publishAuthority(store: Store, { authority }: { readonly authority: Authority }): void {
  for (const { metadata } of store.list('configmaps').filter(({ metadata }) => metadata.name === published))
    store.change('configmaps', metadata.namespace, published, (draft) => {
      draft.data = { 'ca.crt': authority.certificate };
    });
}

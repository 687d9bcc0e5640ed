import { parseSigningRequest, type Authority } from '../certificates.js';
import { fromBase64, setCondition, toBase64, type KubeObject } from '../objects.js';
import type { Store } from '../store.js';
import type { Reconciler } from './reconciler.js';

const resource = 'certificatesigningrequests.certificates.k8s.io';
const year = 31_536_000;

/** Signs approved requests for client certificates. */
export function signCertificates(
  reconciler: Reconciler,
  store: Store,
  cluster: { readonly authority: Authority },
): void {
  reconciler.on(resource, (csr) => {
    const { spec, status, metadata } = csr;
    if (
      status?.certificate ||
      spec.signerName !== 'kubernetes.io/kube-apiserver-client' ||
      !hasCondition(csr, 'Approved')
    )
      return;
    store.change(resource, undefined, metadata.name, (draft) => {
      try {
        const { publicKey, subject } = parseSigningRequest(fromBase64(spec.request));
        const seconds = Math.min(spec.expirationSeconds ?? year, year);
        const certificate = cluster.authority.issue({
          publicKey,
          subject,
          notAfter: new Date(Date.now() + seconds * 1000),
        });
        draft.status.certificate = toBase64(certificate);
      } catch (error) {
        setCondition(draft, 'Failed', true, { reason: 'SignerValidationFailure', message: (error as Error).message });
      }
    });
  });
}

const hasCondition = ({ status }: KubeObject, type: string): boolean =>
  status?.conditions?.some((condition: { type: string }) => condition.type === type) === true;

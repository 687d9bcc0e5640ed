import { isDeepStrictEqual } from 'node:util';
import { derIn } from '../src/k8s/credentials/asn1.js';
import type { Kind } from './kinds.js';
import { fromBase64, isMap, toBase64, type KubeObject } from './objects.js';
import { forbidden, invalid } from './status.js';
import type { Store } from './store.js';
import { sidecarInjection } from './sidecar.js';
import { validate } from './validation.js';
import { enforcePolicies } from './admission-policies.js';

/** The user. */
export interface User {
  name: string;
  groups: string[];
}

export interface AdmissionContext {
  store: Store;
  user: User;
  subresource?: string | undefined;
  allocateClusterIp(): string;
}

/**
 * Completes an object before it is stored (defaults, addresses, sidecars), or refuses it.
 * @param draft is modified
 * @throws StatusError Forbidden, Invalid, BadRequest
 */
export function admit(draft: KubeObject, before: KubeObject | undefined, kind: Kind, context: AdmissionContext): void {
  if (!before) delete draft.status;
  rules[draft.kind]?.(draft, before, context);
  validate(kind, draft, before);
  const { store, user, subresource } = context;
  enforcePolicies(store, { kind, object: draft, before, user, subresource });
  if (kind.group !== '' && draft.spec !== undefined) {
    const generation = before?.metadata.generation ?? 0;
    draft.metadata.generation = isDeepStrictEqual(before?.spec, draft.spec) ? generation : generation + 1;
  }
}

/** The annotation of the default StorageClass. */
export const defaultClass = 'storageclass.kubernetes.io/is-default-class';

type Rule = (draft: KubeObject, before: KubeObject | undefined, context: AdmissionContext) => void;

const rules: Record<string, Rule> = {
  Namespace(draft, before) {
    draft.metadata.labels = { ...draft.metadata.labels, 'kubernetes.io/metadata.name': draft.metadata.name };
    draft.spec ??= { finalizers: ['kubernetes'] };
    if (!before) draft.status = { phase: 'Active' };
  },

  Secret(draft) {
    const { stringData, ...rest } = draft;
    if (isMap(stringData)) {
      const encoded = Object.entries(stringData).map(([key, value]) => [key, toBase64(String(value))]);
      draft.data = { ...rest.data, ...Object.fromEntries(encoded) };
      delete draft.stringData;
    }
    draft.type ??= 'Opaque';
  },

  Service(draft, before, { allocateClusterIp }) {
    draft.spec.type ??= 'ClusterIP';
    draft.spec.clusterIP ??= before?.spec.clusterIP ?? allocateClusterIp();
    draft.spec.clusterIPs = [draft.spec.clusterIP];
    for (const port of draft.spec.ports ?? []) {
      port.protocol ??= 'TCP';
      port.targetPort ??= port.port;
    }
  },

  PersistentVolumeClaim(draft, before, { store }) {
    if (before) return;
    const standard = store
      .list('storageclasses.storage.k8s.io')
      .find(({ metadata }) => metadata.annotations?.[defaultClass] === 'true');
    if (standard) draft.spec.storageClassName ??= standard.metadata.name;
  },

  Deployment: replicas,
  StatefulSet: replicas,
  ReplicaSet: replicas,

  Pod(draft, before, { store }) {
    if (before) return;
    const { namespace = '', name } = draft.metadata;
    draft.spec.serviceAccountName ??= 'default';
    const account: string = draft.spec.serviceAccountName;
    if (!store.find('serviceaccounts', namespace, account))
      throw forbidden(
        'pods',
        name,
        `error looking up service account ${namespace}/${account}: serviceaccount "${account}" not found`,
      );
    sidecarInjection(store, draft);
    podSecurity(store, draft);
    draft.spec.restartPolicy ??= 'Always';
    draft.status = { phase: 'Pending' };
  },

  CertificateSigningRequest(draft, before, { user }) {
    if (before) return;
    const kind = 'CertificateSigningRequest.certificates.k8s.io';
    const { name } = draft.metadata;
    const request = derIn('CERTIFICATE REQUEST', fromBase64(draft.spec.request));
    if (!request) throw invalid(kind, name, 'spec.request: Invalid value: PEM block type must be CERTIFICATE REQUEST');
    if (request.includes('system:masters'))
      throw forbidden(
        'certificatesigningrequests.certificates.k8s.io',
        name,
        `use of ${draft.spec.signerName} signer with system:masters group is not allowed`,
      );
    Object.assign(draft.spec, { username: user.name, groups: user.groups });
    draft.status = {};
  },
};

function replicas(draft: KubeObject): void {
  draft.spec.replicas ??= 1;
}

/** Pod Security, reduced to the rule that affects Istio's init container: added capabilities. */
function podSecurity(store: Store, { metadata, spec }: KubeObject): void {
  const level = store.find('namespaces', undefined, metadata.namespace!)?.metadata.labels?.[
    'pod-security.kubernetes.io/enforce'
  ];
  if (level !== 'baseline' && level !== 'restricted') return;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    const added = (container.securityContext?.capabilities?.add ?? []).filter(
      (name: string) => name !== 'NET_BIND_SERVICE',
    );
    if (added.length === 0) continue;
    const names = added.map((name: string) => `"${name}"`).join(', ');
    throw forbidden(
      'pods',
      metadata.name,
      `violates PodSecurity "${level}:latest": unrestricted capabilities (container "${container.name}" must not include ${names} in securityContext.capabilities.add)`,
    );
  }
}

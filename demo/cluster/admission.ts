import { isDeepStrictEqual } from 'node:util';
import { parsePem } from './der.js';
import type { Kind } from './kinds.js';
import { fromBase64, isMap, toBase64, type KubeObject } from './objects.js';
import { forbidden, invalid, StatusError } from './status.js';
import type { Store } from './store.js';
import { sidecarInjection } from './sidecar.js';

/** Who asks. */
export interface User {
  name: string;
  groups: string[];
}

export interface AdmissionContext {
  store: Store;
  user: User;
  allocateClusterIp(): string;
}

/**
 * Completes an object before it is stored, or refuses it: defaults, addresses, sidecars.
 * @param draft is changed
 * @throws StatusError Forbidden, Invalid
 */
export function admit(
  draft: KubeObject,
  before: KubeObject | undefined,
  { group }: Kind,
  context: AdmissionContext,
): void {
  if (!before) delete draft.status;
  rules[draft.kind]?.(draft, before, context);
  if (group !== '' && draft.spec !== undefined) {
    const generation = before?.metadata.generation ?? 0;
    draft.metadata.generation = isDeepStrictEqual(before?.spec, draft.spec) ? generation : generation + 1;
  }
}

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
    const { request, expirationSeconds } = draft.spec;
    try {
      parsePem('CERTIFICATE REQUEST', fromBase64(request));
    } catch {
      throw invalid(
        resource(draft),
        draft.metadata.name,
        'spec.request',
        'Invalid value: PEM block type must be CERTIFICATE REQUEST',
      );
    }
    if (expirationSeconds < 600)
      throw invalid(
        resource(draft),
        draft.metadata.name,
        'spec.expirationSeconds',
        `Invalid value: ${expirationSeconds}: may not specify a duration less than 600 seconds (10 minutes)`,
      );
    Object.assign(draft.spec, { username: user.name, groups: user.groups });
    draft.status = {};
  },
};

const resource = ({ apiVersion, kind }: KubeObject) => `${kind}.${apiVersion.split('/')[0]}`;

function replicas(draft: KubeObject): void {
  draft.spec.replicas ??= 1;
}

/** Pod Security, reduced to what Istio's init container runs into: added capabilities. */
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

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';

/** @throws StatusError Invalid */
export function checkName({ group, kind }: Kind, name: string | undefined): void {
  const of = group ? `${kind}.${group}` : kind;
  if (!name)
    throw new StatusError(
      422,
      'Invalid',
      `${of} "" is invalid: metadata.name: Required value: name or generateName is required`,
      {
        kind,
      },
    );
  if (group === 'rbac.authorization.k8s.io') return;
  const isLabel = kind === 'Namespace' || kind === 'Service';
  const pattern = isLabel ? label : `${label}(\\.${label})*`;
  if (new RegExp(`^${pattern}$`).test(name) && name.length <= (isLabel ? 63 : 253)) return;
  const rule = isLabel
    ? "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc'"
    : "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com'";
  throw invalid(
    of,
    name,
    'metadata.name',
    `Invalid value: "${name}": ${rule}, regex used for validation is '${pattern}')`,
  );
}

import type { TLSSocket } from 'node:tls';
import type { User } from './admission.js';
import type { KubeObject } from './objects.js';
import { unauthorized } from './status.js';
import type { Store } from './store.js';
import { verifyToken } from './tokens.js';

export const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/**
 * Who sends a request, according to a token or client certificate.
 * @throws StatusError Unauthorized if the credentials are not valid
 */
export function authenticate(
  store: Store,
  tokenKey: string,
  socket: TLSSocket,
  authorization: string | undefined,
): User {
  const [, token] = /^Bearer (.+)$/.exec(authorization ?? '') ?? [];
  if (token !== undefined) return serviceAccount(store, tokenKey, token);
  const user = known.get(socket) ?? certificateHolder(socket);
  known.set(socket, user);
  return user;
}

/** Parsing a certificate costs more than the rest of a request, and the certificate of a connection never changes. */
const known = new WeakMap<TLSSocket, User>();

function certificateHolder(socket: TLSSocket): User {
  const certificate = socket.getPeerCertificate();
  if (Object.keys(certificate ?? {}).length === 0) return anonymous;
  if (!socket.authorized) throw unauthorized();
  const { CN = '', O = [] } = certificate.subject as { CN?: string; O?: string | string[] };
  return { name: CN, groups: [O, 'system:authenticated'].flat() };
}

function serviceAccount(store: Store, tokenKey: string, token: string): User {
  const claims = verifyToken(tokenKey, token);
  if (!claims) throw unauthorized();
  const { namespace, serviceaccount, secret } = claims['kubernetes.io'];
  const account = store.find('serviceaccounts', namespace, serviceaccount.name);
  if (account?.metadata.uid !== serviceaccount.uid) throw unauthorized();
  if (secret && store.find('secrets', namespace, secret.name)?.metadata.uid !== secret.uid) throw unauthorized();
  return {
    name: claims.sub,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  };
}

/** What a user wants to do. */
export interface Attributes {
  verb: string;
  group: string;
  /** Including the subresource: `pods/exec`. */
  resource: string;
  namespace: string | undefined;
  /** The name of the object; empty for all of them. */
  name: string;
}

/** Whether a role bound to the user has a rule for it. @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/ */
export function isAllowed(store: Store, user: User, asked: Attributes): boolean {
  if (user.groups.includes('system:masters')) return true;
  const bindings = store.list('clusterrolebindings.rbac.authorization.k8s.io');
  if (asked.namespace) bindings.push(...store.list('rolebindings.rbac.authorization.k8s.io', asked.namespace));
  return bindings
    .filter((binding) => binds(binding, user))
    .some(({ roleRef, metadata }) => {
      const role =
        roleRef.kind === 'Role'
          ? store.find('roles.rbac.authorization.k8s.io', metadata.namespace, roleRef.name)
          : store.find('clusterroles.rbac.authorization.k8s.io', undefined, roleRef.name);
      return role?.rules?.some((rule: Rule) => covers(rule, asked)) === true;
    });
}

interface Rule {
  apiGroups?: string[];
  resources?: string[];
  verbs: string[];
  resourceNames?: string[];
}

function covers({ apiGroups = [], resources = [], verbs, resourceNames = [] }: Rule, asked: Attributes): boolean {
  const has = (list: string[], value: string) => list.includes('*') || list.includes(value);
  return (
    has(apiGroups, asked.group) &&
    has(resources, asked.resource) &&
    has(verbs, asked.verb) &&
    (resourceNames.length === 0 || resourceNames.includes(asked.name))
  );
}

function binds({ subjects = [], metadata }: KubeObject, { name, groups }: User): boolean {
  return subjects.some((subject: { kind: string; name: string; namespace?: string }) => {
    if (subject.kind === 'User') return subject.name === name;
    if (subject.kind === 'Group') return groups.includes(subject.name);
    return name === `system:serviceaccount:${subject.namespace ?? metadata.namespace}:${subject.name}`;
  });
}

const workloads = { apiGroups: ['apps', 'batch', 'autoscaling', 'policy', 'networking.k8s.io'], resources: ['*'] };
const core = {
  apiGroups: [''],
  resources: ['configmaps', 'endpoints', 'events', 'persistentvolumeclaims', 'pods', 'serviceaccounts', 'services'],
};
const look = ['get', 'list', 'watch'];
const view = [
  { ...workloads, verbs: look },
  { ...core, verbs: look },
  { apiGroups: [''], resources: ['namespaces', 'pods/log', 'limitranges', 'resourcequotas'], verbs: look },
];
const edit = [
  ...view,
  { ...workloads, verbs: ['*'] },
  { ...core, verbs: ['*'] },
  {
    apiGroups: [''],
    resources: ['secrets', 'pods/exec', 'pods/attach', 'pods/portforward', 'serviceaccounts/token'],
    verbs: ['*'],
  },
];

/** The ClusterRoles that every cluster has, abridged. */
export const firstRoles: Record<string, Rule[]> = {
  'cluster-admin': [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
  admin: [...edit, { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'], verbs: ['*'] }],
  edit,
  view,
};

import type { TLSSocket } from 'node:tls';
import type { User } from './admission.js';
import type { KubeObject } from './objects.js';
import { unauthorized } from './status.js';
import type { Store } from './store.js';
import { verifyToken } from './tokens.js';

export const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/**
 * Who sends a request, by token or by client certificate.
 * @throws StatusError Unauthorized where credentials were given that are not good
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

/** Taking a certificate apart costs more than the rest of a request, and a connection keeps the one it began with. */
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
  const { namespace, serviceaccount } = claims['kubernetes.io'];
  const account = store.find('serviceaccounts', namespace, serviceaccount.name);
  if (account?.metadata.uid !== serviceaccount.uid) throw unauthorized();
  return {
    name: claims.sub,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  };
}

/** Rights are all or nothing here: any role that is bound to the user gives all of them, in its namespace or everywhere. */
export function mayDoAnything(store: Store, user: User, namespace: string | undefined): boolean {
  if (user.groups.includes('system:masters')) return true;
  const bindings = store.list('clusterrolebindings.rbac.authorization.k8s.io');
  if (namespace) bindings.push(...store.list('rolebindings.rbac.authorization.k8s.io', namespace));
  return bindings.some((binding) => binds(binding, user));
}

function binds({ subjects = [], metadata }: KubeObject, { name, groups }: User): boolean {
  return subjects.some((subject: { kind: string; name: string; namespace?: string }) => {
    if (subject.kind === 'User') return subject.name === name;
    if (subject.kind === 'Group') return groups.includes(subject.name);
    return name === `system:serviceaccount:${subject.namespace ?? metadata.namespace}:${subject.name}`;
  });
}

import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { KubeObject } from './objects.js';

/** The claims of a ServiceAccount token. */
interface Claims {
  iss: string;
  sub: string;
  aud: string[];
  iat: number;
  /** Seconds since 1970; a token in a Secret does not expire. */
  exp?: number;
  'kubernetes.io': {
    namespace: string;
    serviceaccount: Identity;
    /** The token is valid as long as this Secret exists. */
    secret?: Identity;
  };
}

interface Identity {
  name: string;
  uid: string;
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const signature = { dsaEncoding: 'ieee-p1363' } as const;

/** A token (JWT, ES256) for a ServiceAccount, which may be bound to a Secret. */
export function issueToken(
  privateKey: string,
  { metadata }: KubeObject,
  { expires, secret }: { expires?: Date; secret?: Identity } = {},
): string {
  const { namespace = '', name, uid = '' } = metadata;
  const claims: Claims = {
    iss: 'https://kubernetes.default.svc.cluster.local',
    sub: `system:serviceaccount:${namespace}:${name}`,
    aud: ['https://kubernetes.default.svc.cluster.local'],
    iat: Math.floor(Date.now() / 1000),
    ...(expires && { exp: Math.floor(expires.getTime() / 1000) }),
    'kubernetes.io': { namespace, serviceaccount: { name, uid }, ...(secret && { secret }) },
  };
  const content = `${encode({ alg: 'ES256', kid: 'simulated-cluster' })}.${encode(claims)}`;
  const key = { key: createPrivateKey(privateKey), ...signature };
  return `${content}.${sign('sha256', Buffer.from(content), key).toString('base64url')}`;
}

/** The claims of a token that this key has signed and that has not expired; otherwise undefined. */
export function verifyToken(privateKey: string, token: string): Claims | undefined {
  const [header, payload, signed] = token.split('.');
  if (!header || !payload || !signed) return undefined;
  const key = { key: createPublicKey(privateKey), ...signature };
  if (!verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signed, 'base64url'))) return undefined;
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Claims;
  return claims.exp === undefined || claims.exp * 1000 > Date.now() ? claims : undefined;
}

import type { IncomingMessage } from 'node:http';
import { parse } from 'yaml';
import type { User } from './admission.js';
import { PageNotFound } from './discovery.js';
import { groupVersionOf, type Kind } from './kinds.js';
import type { KubeObject } from './objects.js';
import type { DeleteOptions, WriteOptions } from './resources.js';
import { fieldSelector, labelSelector, type Predicate } from './selectors.js';
import { badRequest, noSuchPath, StatusError } from './status.js';

/** A parsed request to a resource. */
export interface ResourceRequest {
  user: User;
  verb: string;
  kind: Kind;
  namespace: string | undefined;
  name: string;
  subresource: string | undefined;
  query: URLSearchParams;
}

const subresources = ['status', 'approval', 'token', 'log', 'exec', 'portforward'];

/**
 * Parses a request: which resource it addresses, and what it wants to do.
 * @throws StatusError if the path does not lead to a resource
 */
export function readRequest(kinds: readonly Kind[], user: User, message: IncomingMessage): ResourceRequest {
  const { searchParams: query } = new URL(message.url ?? '/', 'https://server');
  const [, groupVersion, namespace, rest = ''] = paths.exec(pathOf(message)) ?? [];
  const served = kinds.filter((kind) => groupVersionOf(kind) === groupVersion);
  if (served.length === 0) throw new PageNotFound();
  const [plural, name = '', subresource] = rest.split('/').map(decodeURIComponent);
  const kind = served.find((one) => one.plural === plural);
  if (!kind || (subresource && !subresources.includes(subresource))) throw noSuchPath();
  const verb = verbOf(message.method ?? '', { name, subresource, query });
  return { user, verb, kind, namespace: namespace && decodeURIComponent(namespace), name, subresource, query };
}

/** Group and version, namespace, the rest. A path that ends with a namespace, or its status, is that of the namespace. */
const paths = /^\/(?:api|apis(?=\/[^/]+\/))\/(v1(?=\/)|[^/]+\/[^/]+)\/(?:namespaces\/([^/]+)\/(?!status$))?(.+)$/;

export const pathOf = ({ url = '/' }: IncomingMessage) => url.split('?')[0]!;

function verbOf(
  method: string,
  { name, subresource, query }: Pick<ResourceRequest, 'name' | 'subresource' | 'query'>,
): string {
  if (method === 'GET') return ['true', '1'].includes(query.get('watch') ?? '') ? 'watch' : name ? 'get' : 'list';
  const ofOne = { PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
  const verbs: Record<string, string> = name === '' || subresource ? { POST: 'create', ...(name && ofOne) } : ofOne;
  if (verbs[method]) return verbs[method];
  const why = 'the server does not allow this method on the requested resource';
  throw new StatusError(405, 'MethodNotAllowed', why, {});
}

export function selection({ kind, namespace, name, query }: ResourceRequest): Predicate {
  const byLabel = labelSelector(query.get('labelSelector'));
  const byField = fieldSelector(query.get('fieldSelector'), kind.kind);
  return (object: KubeObject) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    (name === '' || object.metadata.name === name) &&
    byLabel(object) &&
    byField(object);
}

export function writeOptions(
  { user, query, subresource }: ResourceRequest,
  { headers }: IncomingMessage,
): WriteOptions {
  const isApply = headers['content-type']?.startsWith('application/apply-patch') === true;
  const byAgent = isApply ? '' : (headers['user-agent']?.split('/')[0] ?? 'unknown');
  return {
    user,
    manager: query.get('fieldManager') ?? byAgent,
    dryRun: query.get('dryRun') === 'All',
    force: query.get('force') === 'true',
    subresource,
  };
}

export function deleteQuery(query: URLSearchParams): DeleteOptions {
  const grace = query.get('gracePeriodSeconds');
  return grace === null ? {} : { gracePeriodSeconds: Number(grace) };
}

export async function readBody(message: IncomingMessage): Promise<unknown> {
  if (message.headers['content-type']?.includes('protobuf')) {
    const why = 'the simulated cluster reads JSON and YAML, not protobuf: use kubectl apply -f';
    throw new StatusError(415, 'UnsupportedMediaType', why, {});
  }
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  if (text === '') return undefined;
  try {
    return text.startsWith('{') || text.startsWith('[') ? (JSON.parse(text) as unknown) : (parse(text) as unknown);
  } catch (error) {
    throw badRequest(`error decoding the body: ${(error as Error).message}`);
  }
}

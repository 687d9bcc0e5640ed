import { createHash } from 'node:crypto';
import type { KubernetesObject, V1ObjectMeta } from '@kubernetes/client-node';
import { z } from 'zod';
import { ApiError, isConflict, isNotFound, TooMuchError } from './api-errors.js';
import { isRecord } from '../../records.js';
import { longestAnswer, type ApiCall, type ApiResource, type Cluster } from './cluster.js';

/** An object to create; a review has no metadata. */
export interface NewObject extends KubernetesObject {
  apiVersion: string;
  kind: string;
  [field: string]: unknown;
}

/** An object in the form of a manifest. */
export interface Manifest extends NewObject {
  metadata: V1ObjectMeta & { name: string };
}

/**
 * A manifest of which only the head was parsed, and the API server parses the rest: parsing Istio's 1 MB of CRDs here would
 * take a second and 70 MB.
 */
export class UnparsedManifest implements Manifest {
  [field: string]: unknown;
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Manifest['metadata'];

  /** @param rest YAML: the fields after `metadata` */
  constructor(
    { apiVersion, kind, metadata }: Manifest,
    readonly rest: string,
  ) {
    this.apiVersion = apiVersion;
    this.kind = kind;
    this.metadata = metadata;
  }
}

/** Enough to find one object. */
export interface Reference {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string | undefined };
}

export const fieldManager = 'vcdemo';

/** A reference to an object; `ref('v1', 'Secret', 'cacerts', 'istio-system')`. */
export function ref(apiVersion: string, kind: string, name: string, namespace?: string): Reference {
  return { apiVersion, kind, metadata: { name, namespace } };
}

// ------------------------------------------------------------------ what the API answers

/** An object from the API, of which the name and the fields that matter have been validated. */
export type Found<Kind extends KubernetesObject = KubernetesObject> = Kind & {
  metadata: V1ObjectMeta & {
    name: string;
    labels: Partial<Record<string, string>>;
    annotations: Partial<Record<string, string>>;
  };
};

const texts = z
  .record(z.string(), z.string())
  .nullish()
  .transform((entries) => entries ?? {});
const answeredObject = z.looseObject({
  metadata: z.looseObject({
    name: z.string().min(1),
    namespace: z.string().optional(),
    uid: z.string().optional(),
    resourceVersion: z.string().optional(),
    labels: texts,
    annotations: texts,
  }),
});
const answeredList = z.object({
  items: z.array(z.unknown()).nullish(),
  metadata: z.object({ continue: z.string().optional() }).nullish(),
});

/**
 * An answer in the form that the caller needs.
 * @throws Error that names what is missing or invalid in it
 */
export function checked<Shape extends z.ZodType>(shape: Shape, answer: unknown, what: string): z.output<Shape> {
  const parsed = shape.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new Error(
    `${what} cannot be used: its ${parsed.error.issues[0]?.path.join('.') || 'form'} is missing or invalid`,
  );
}

/**
 * The validated object. The annotations of pods are dropped, because vcluster may write tokens into them that are valid for
 * years: what is not read cannot get into a message, a log or an archive. Nothing depends on them.
 */
function found<Kind extends KubernetesObject>(kind: string, answer: unknown, what: string): Found<Kind> {
  const validated = checked(answeredObject, answer, what);
  if (kind === 'Pod') validated.metadata.annotations = {};
  // Whatever decides something beyond the metadata is validated where it is used; the rest follows Kubernetes' definitions.
  const object: unknown = validated;
  return object as Found<Kind>;
}

/** The object, or undefined if there is none. */
export async function read<Kind extends KubernetesObject>(
  cluster: Cluster,
  reference: Reference,
): Promise<Found<Kind> | undefined> {
  return await readAs<Kind>(cluster, reference, 'application/json');
}

/** Only the metadata, to check whether the object exists: one of Istio's CRDs can have 600 KB. */
export const readMetadata = (cluster: Cluster, reference: Reference): Promise<Found | undefined> =>
  readAs(cluster, reference, metadataOnly('PartialObjectMetadata'));

async function readAs<Kind extends KubernetesObject>(
  cluster: Cluster,
  reference: Reference,
  accept: string,
): Promise<Found<Kind> | undefined> {
  try {
    const answer = await cluster.request({ method: 'GET', path: await pathOf(cluster, reference), accept });
    return found<Kind>(reference.kind, answer, `${reference.kind} ${reference.metadata.name} of ${cluster.name}`);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** The decoded contents of a Secret; undefined if there is none. */
export async function readSecret(
  cluster: Cluster,
  name: string,
  namespace: string,
): Promise<Partial<Record<string, string>> | undefined> {
  const secret = await read(cluster, ref('v1', 'Secret', name, namespace));
  return secret && textsIn(secret);
}

const secretData = z.object({ data: texts });

/** The decoded contents of a Secret. */
export function textsIn(secret: KubernetesObject): Partial<Record<string, string>> {
  const { data } = checked(secretData, secret, `Secret ${secret.metadata?.name}`);
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );
}

const metadataOnly = (kind: string) => `application/json;as=${kind};g=meta.k8s.io;v=v1, application/json`;

/**
 * Requests the least that requires being signed in.
 * @throws ApiError, UnreachableError
 */
export async function assertSignedIn(
  cluster: Cluster,
  { repeat, withinMs }: Pick<ApiCall, 'repeat' | 'withinMs'> = {},
): Promise<void> {
  await cluster.request({
    method: 'GET',
    path: '/api/v1/namespaces',
    query: { limit: 1 },
    accept: metadataOnly('PartialObjectMetadataList'),
    ...(repeat !== undefined && { repeat }),
    ...(withinMs !== undefined && { withinMs }),
  });
}

interface Selection {
  namespace?: string;
  labels?: Record<string, string>;
  fields?: Record<string, string>;
  /** The most objects to return, whichever the API lists first. */
  atMost?: number;
  /** How much may be read, for callers that share the budget among several lists; 16 MB by default. */
  budget?: { bytes: number };
}

/**
 * The objects of a kind, in one namespace or all.
 * @throws TooMuchError if there are more objects, or larger ones, than a worker should read
 */
export const list = <Kind extends KubernetesObject>(
  cluster: Cluster,
  apiVersion: string,
  kind: string,
  selection: Selection = {},
): Promise<Found<Kind>[]> => listAs<Kind>(cluster, apiVersion, kind, selection, 'application/json');

/** Only the metadata of the objects of a kind. */
export const listMetadata = (
  cluster: Cluster,
  apiVersion: string,
  kind: string,
  selection: Selection = {},
): Promise<Found[]> => listAs(cluster, apiVersion, kind, selection, metadataOnly('PartialObjectMetadataList'));

/** The most objects per page, and in total. */
const pageSize = 250;
const mostObjects = 5000;

async function listAs<Kind extends KubernetesObject>(
  cluster: Cluster,
  apiVersion: string,
  kind: string,
  { atMost = Infinity, budget = { bytes: longestAnswer }, ...where }: Selection,
  accept: string,
): Promise<Found<Kind>[]> {
  const of = { cluster, apiVersion, kind, where, accept, budget };
  let objects: Found<Kind>[] = [];
  let next: string | undefined;
  for (;;) {
    try {
      const page = await readPage<Kind>({ ...of, next, limit: Math.min(pageSize, atMost) });
      objects.push(...page.items);
      next = page.next;
    } catch (error) {
      // The snapshot of the first pages has expired: start again; the budget limits how often.
      if (!(next && isExpired(error))) throw error;
      objects = [];
      next = undefined;
      continue;
    }
    if (objects.length > mostObjects) throw new TooMuchError(listOf(of), `${mostObjects} objects`);
    if (!next || objects.length >= atMost) return objects.slice(0, atMost);
  }
}

/** How often the snapshot of a list may expire. */
const mostSnapshots = 3;

/**
 * The objects of a kind, page by page, however many and however large they are: for what must not fail because somebody has
 * created too many. The caller decides when it has seen enough. An object can come twice.
 */
export async function* pages<Kind extends KubernetesObject>(
  cluster: Cluster,
  apiVersion: string,
  kind: string,
  where: Pick<Selection, 'namespace' | 'labels' | 'fields'> & { metadataOnly?: boolean } = {},
): AsyncGenerator<Found<Kind>[]> {
  const accept = where.metadataOnly ? metadataOnly('PartialObjectMetadataList') : 'application/json';
  const of = { cluster, apiVersion, kind, where, accept };
  let limit = pageSize;
  let next: string | undefined;
  for (let snapshots = 1; ;) {
    try {
      const page = await readPage<Kind>({ ...of, next, limit, budget: { bytes: longestAnswer } });
      yield page.items;
      next = page.next;
      if (!next) return;
    } catch (error) {
      if (error instanceof TooMuchError && limit > 1) limit = Math.ceil(limit / 8);
      else if (next && isExpired(error) && ++snapshots <= mostSnapshots) next = undefined;
      else throw error;
    }
  }
}

const isExpired = (error: unknown) => error instanceof ApiError && error.status === 410;

interface PageRequest {
  cluster: Cluster;
  apiVersion: string;
  kind: string;
  where: Pick<Selection, 'namespace' | 'labels' | 'fields'>;
  accept: string;
  limit: number;
  next: string | undefined;
  budget: { bytes: number };
}

async function readPage<Kind extends KubernetesObject>(
  request: PageRequest,
): Promise<{ items: Found<Kind>[]; next: string | undefined }> {
  const { cluster, apiVersion, kind, where, accept, limit, next, budget } = request;
  const selector = (terms?: Record<string, string>) =>
    terms &&
    Object.entries(terms)
      .map(([key, value]) => `${key}=${value}`)
      .join(',');
  const path = await collectionPath(cluster, apiVersion, kind, where.namespace);
  const query = {
    labelSelector: selector(where.labels),
    fieldSelector: selector(where.fields),
    limit,
    continue: next,
  };
  const answer = await cluster.request({ method: 'GET', path, query, accept, budget });
  const page = checked(answeredList, answer, listOf(request));
  return {
    items: (page.items ?? []).map((item) => found<Kind>(kind, item, `${kind} of ${cluster.name}`)),
    next: page.metadata?.continue,
  };
}

const listOf = ({ cluster, kind, where }: Pick<PageRequest, 'cluster' | 'kind' | 'where'>) =>
  `the list of ${kind} objects${where.namespace ? ` in namespace ${where.namespace}` : ''} of ${cluster.name}`;

/**
 * Creates the object and returns the answer. If the answer to the first attempt was lost and the object exists as wanted,
 * this attempt counts as successful.
 * @throws ApiError with status 409 if it existed before
 */
export async function create(
  cluster: Cluster,
  manifest: NewObject,
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<unknown> {
  const { apiVersion, kind, metadata: { name, namespace } = {} } = manifest;
  try {
    return await cluster.request({
      method: 'POST',
      path: await collectionPath(cluster, apiVersion, kind, namespace),
      query: { fieldManager, dryRun: dryRun ? 'All' : undefined },
      body: manifest,
      repeat: dryRun || name !== undefined || makesNothing(kind),
    });
  } catch (error) {
    if (name === undefined || !(error instanceof ApiError && isConflict(error) && error.mayBeOwnDoing)) throw error;
    const present = await read(cluster, ref(apiVersion, kind, name, namespace));
    if (!contains(present, asStored(manifest))) throw error;
    return present;
  }
}

/** A review, which is a question in the form of an object and creates nothing. */
const makesNothing = (kind: string) => kind.endsWith('Review');

/** Kubernetes stores the texts of Secrets in base64. */
function asStored({ stringData, ...manifest }: NewObject): object {
  if (stringData === undefined) return manifest;
  const data = Object.entries(checked(texts, stringData, `Secret ${manifest.metadata?.name}`)).map(
    ([key, text]) => [key, Buffer.from(text).toString('base64')] as const,
  );
  return { ...manifest, data: Object.fromEntries(data) };
}

/** Whether `whole` contains everything in `part`; Kubernetes adds fields to objects. */
export function contains(whole: unknown, part: unknown): boolean {
  if (part === undefined) return true;
  if (Array.isArray(part)) return Array.isArray(whole) && part.every((item, index) => contains(whole[index], item));
  if (!isRecord(part)) return whole === part;
  return isRecord(whole) && Object.entries(part).every(([name, value]) => contains(whole[name], value));
}

/**
 * Creates or updates the object to match the manifest, with server-side apply; safe to repeat.
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
export async function apply(cluster: Cluster, manifest: Manifest): Promise<unknown> {
  return await cluster.request({
    method: 'PATCH',
    path: await pathOf(cluster, manifest),
    query: { fieldManager, force: true },
    contentType: 'application/apply-patch+yaml',
    ...(manifest instanceof UnparsedManifest
      ? { body: asYaml(manifest), accept: metadataOnly('PartialObjectMetadata') }
      : { body: stamped(manifest) }),
  });
}

/** JSON is YAML too. */
function asYaml(manifest: UnparsedManifest): string {
  const { apiVersion, kind, metadata } = stamped(manifest);
  const head = Object.entries({ apiVersion, kind, metadata }).map(
    ([field, value]) => `${field}: ${JSON.stringify(value)}`,
  );
  return `${head.join('\n')}\n${manifest.rest}`;
}

/** Applies in the order given, at most `atOnce` at a time. */
export async function applyAll(cluster: Cluster, manifests: readonly Manifest[], atOnce = 6): Promise<void> {
  await eachOf(manifests, atOnce, (manifest) => apply(cluster, manifest));
}

/** Merges fields into an existing object; `null` removes a field. */
export async function merge(cluster: Cluster, reference: Reference, fields: object): Promise<unknown> {
  return await cluster.request({
    method: 'PATCH',
    path: await pathOf(cluster, reference),
    query: { fieldManager },
    contentType: 'application/merge-patch+json',
    body: fields,
  });
}

interface Preconditions {
  uid?: string | undefined;
  resourceVersion?: string | undefined;
}

/**
 * Deletes the object, if it exists.
 * @param gracePeriodSeconds how long a pod may go on; its own grace period if undefined
 */
export async function remove(
  cluster: Cluster,
  reference: Reference,
  preconditions?: Preconditions,
  gracePeriodSeconds?: number,
): Promise<void> {
  try {
    await cluster.request({
      method: 'DELETE',
      path: await pathOf(cluster, reference),
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: 'Background',
        preconditions,
        gracePeriodSeconds,
      },
    });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

// ------------------------------------------------------------------ has a manifest been applied?

const manifestHash = 'vcdemo.io/manifest-hash';

/** What vcdemo notes on objects in virtual clusters. vcluster copies annotations, so the admission policy lets these pass. */
export const copiedNotes = {
  manifestHash,
  retried: 'vcdemo.io/retried',
  restartedFor: 'vcdemo.io/restarted-for',
  tokensOf: 'vcdemo.io/tokens-of',
} as const;

/** The manifest with a hash of itself, by which `missing` recognises that exactly this was applied. */
function stamped(manifest: Manifest): Manifest {
  const annotations = { ...manifest.metadata.annotations, [manifestHash]: hashOf(manifest) };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

const hashes = new WeakMap<Manifest, string>();

function hashOf(manifest: Manifest): string {
  const known = hashes.get(manifest);
  if (known !== undefined) return known;
  const hash = createHash('sha256').update(JSON.stringify(manifest)).digest('hex').slice(0, 16);
  hashes.set(manifest, hash);
  return hash;
}

/** The first manifest that has not been applied in this form, as `kind name …`; undefined if all have. */
export async function missing(cluster: Cluster, manifests: readonly Manifest[]): Promise<string | undefined> {
  let absent: string | undefined;
  await eachOf(manifests, 6, async (manifest) => {
    if (absent !== undefined) return;
    const present = await readMetadata(cluster, manifest);
    if (present?.metadata.annotations[manifestHash] === hashOf(manifest)) return;
    absent ??= `${manifest.kind} ${manifest.metadata.name} ${present ? 'is out of date' : 'does not exist'}`;
  });
  return absent;
}

// ------------------------------------------------------------------ paths

/** The path of one object, without a trailing slash, for calls of a subresource. */
export async function pathOf(cluster: Cluster, { apiVersion, kind, metadata }: Reference): Promise<string> {
  const { name, namespace } = metadata;
  return `${await collectionPath(cluster, apiVersion, kind, namespace)}/${encodeURIComponent(name)}`;
}

async function collectionPath(
  cluster: Cluster,
  apiVersion: string,
  kind: string,
  namespace: string | undefined,
): Promise<string> {
  const resource = await resourceOf(cluster, apiVersion, kind);
  const place = resource.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${groupPath(apiVersion)}${place}/${resource.name}`;
}

const groupPath = (apiVersion: string) => (apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`);

async function resourceOf(cluster: Cluster, apiVersion: string, kind: string): Promise<ApiResource> {
  const find = async () => (await discover(cluster, apiVersion)).find((r) => r.kind === kind && !r.name.includes('/'));
  const known = await find();
  if (known) return known;
  cluster.discovered.delete(apiVersion); // a CRD may have been added since
  const resource = await find();
  if (!resource) throw new Error(`${cluster.name} does not serve ${kind} of ${apiVersion}`);
  return resource;
}

const resourceList = z.object({
  resources: z.array(z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
});

/** What a cluster serves under a group and version, such as `v1` or `apps/v1`. */
export function discover(cluster: Cluster, apiVersion: string): Promise<ApiResource[]> {
  const known = cluster.discovered.get(apiVersion);
  if (known) return known;
  const asked = cluster
    .request({ method: 'GET', path: groupPath(apiVersion) })
    .then((answer) => checked(resourceList, answer, `what ${cluster.name} serves of ${apiVersion}`).resources);
  asked.catch(() => cluster.discovered.delete(apiVersion));
  cluster.discovered.set(apiVersion, asked);
  return asked;
}

const groupList = z.object({
  groups: z.array(z.object({ name: z.string(), versions: z.array(z.object({ version: z.string() })) })),
});

/** The API groups that a cluster serves. */
export async function apiGroups(cluster: Cluster): Promise<z.output<typeof groupList>['groups']> {
  const answer = await cluster.request({ method: 'GET', path: '/apis' });
  return checked(groupList, answer, `the list of API groups of ${cluster.name}`).groups;
}

/** Works on all items, at most `atOnce` at a time. */
export async function eachOf<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const queue = items.values();
  const runner = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, runner));
}

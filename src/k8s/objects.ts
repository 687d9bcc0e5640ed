import type { KubernetesObject } from '@kubernetes/client-node';
import { createHash } from 'node:crypto';
import { isConflict, isNotFound, type ApiError } from './api-errors.js';
import type { ApiCall, ApiResource, Cluster } from './cluster.js';

/** An object as it is written in a manifest. */
export interface Manifest extends KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: NonNullable<KubernetesObject['metadata']> & { name: string };
  [field: string]: unknown;
}

/** Enough to find one object. */
export interface Reference {
  apiVersion: string;
  kind: string;
  metadata: { name?: string | undefined; namespace?: string | undefined };
}

export const fieldManager = 'vcdemo';

/** A reference to an object; `ref('v1', 'Secret', 'cacerts', 'istio-system')`. */
export function ref(apiVersion: string, kind: string, name: string, namespace?: string): Reference {
  return { apiVersion, kind, metadata: { name, namespace } };
}

/** The object, or undefined where there is none. */
export async function read<Kind extends KubernetesObject>(
  cluster: Cluster,
  reference: Reference,
): Promise<Kind | undefined> {
  try {
    const object = await cluster.request<Kind>({ method: 'GET', path: await pathOf(cluster, reference) });
    return withoutTokens(reference.kind, object);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/**
 * Asks for as little as only somebody who is signed in may see.
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

export interface Selection {
  namespace?: string;
  labels?: Record<string, string>;
  fields?: Record<string, string>;
}

/** The objects of a kind, in one namespace or all. */
export async function list<Kind extends KubernetesObject>(
  cluster: Cluster,
  apiVersion: string,
  kind: string,
  { namespace, labels, fields }: Selection = {},
): Promise<Kind[]> {
  const selector = (terms?: Record<string, string>) =>
    terms &&
    Object.entries(terms)
      .map(([key, value]) => `${key}=${value}`)
      .join(',');
  const answer = await cluster.request<{ items: Kind[] }>({
    method: 'GET',
    path: await collectionPath(cluster, { apiVersion, kind, metadata: { namespace } }),
    query: { labelSelector: selector(labels), fieldSelector: selector(fields) },
  });
  return answer.items.map((item) => withoutTokens(kind, item));
}

/**
 * The object without the annotations of a pod, into which vcluster may write tokens that are good for years: what has not
 * been read gets into no message, log or archive. No decision is made by them.
 */
function withoutTokens<Kind extends KubernetesObject>(kind: string, object: Kind): Kind {
  if (kind === 'Pod') delete object.metadata?.annotations;
  return object;
}

/**
 * Creates the object as it stands. Where the answer to the first try was lost, and the object is there as it was wanted, it
 * was made.
 * @throws ApiError with status 409 where it existed before
 */
export async function create<Kind extends KubernetesObject>(
  cluster: Cluster,
  manifest: KubernetesObject & Record<string, unknown>,
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<Kind> {
  try {
    return await cluster.request<Kind>({
      method: 'POST',
      path: await collectionPath(cluster, manifest as Reference),
      query: { fieldManager, dryRun: dryRun ? 'All' : undefined },
      body: manifest,
      repeat: dryRun || manifest.metadata?.name !== undefined || makesNothing(manifest),
    });
  } catch (error) {
    if (!isConflict(error) || !(error as ApiError).mayBeOwnDoing) throw error;
    const present = await read<Kind>(cluster, manifest as Reference);
    if (present === undefined || !isAsWanted(present, manifest)) throw error;
    return present;
  }
}

/** A question to the API, in the form of an object. */
const makesNothing = ({ kind = '' }: KubernetesObject) => kind.endsWith('Review');

/** Whether all that is wanted is there; Kubernetes adds to objects, and keeps texts of Secrets in base64. */
function isAsWanted(present: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return present === wanted || wanted === undefined;
  if (typeof present !== 'object' || present === null) return false;
  const { stringData, ...fields } = wanted as { stringData?: Record<string, string> };
  const found = present as Record<string, unknown>;
  const texts = Object.entries(stringData ?? {}).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  return (
    Object.entries(fields).every(([key, value]) => isAsWanted(found[key], value)) &&
    (stringData === undefined || isAsWanted(found.data, Object.fromEntries(texts)))
  );
}

/**
 * Makes the object what the manifest says, whether it is there or not, by server-side apply: safe to repeat.
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
export async function apply<Kind extends KubernetesObject>(cluster: Cluster, manifest: Manifest): Promise<Kind> {
  return await cluster.request<Kind>({
    method: 'PATCH',
    path: await pathOf(cluster, manifest),
    query: { fieldManager, force: true },
    contentType: 'application/apply-patch+yaml',
    body: stamped(manifest),
  });
}

/** Applies in the order given, at most `atOnce` at a time. */
export async function applyAll(cluster: Cluster, manifests: readonly Manifest[], atOnce = 6): Promise<void> {
  await eachOf(manifests, atOnce, (manifest) => apply(cluster, manifest));
}

/** Merges the fields given into an object that is there; `null` removes a field. */
export async function merge<Kind extends KubernetesObject>(
  cluster: Cluster,
  reference: Reference,
  fields: object,
): Promise<Kind> {
  return await cluster.request<Kind>({
    method: 'PATCH',
    path: await pathOf(cluster, reference),
    query: { fieldManager },
    contentType: 'application/merge-patch+json',
    body: fields,
  });
}

export interface Preconditions {
  uid?: string | undefined;
  resourceVersion?: string | undefined;
}

/** Deletes the object; one that is not there is deleted already. */
export async function remove(cluster: Cluster, reference: Reference, preconditions?: Preconditions): Promise<void> {
  try {
    await cluster.request({
      method: 'DELETE',
      path: await pathOf(cluster, reference),
      body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions },
    });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

// ------------------------------------------------------------------ has a manifest been applied?

export const manifestHash = 'vcdemo.io/manifest-hash';

/** The manifest with a hash of itself, by which `missing` knows that just this was applied. */
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

/** The first of the manifests that is not there as it stands, as `kind name`; undefined when all are. */
export async function missing(cluster: Cluster, manifests: readonly Manifest[]): Promise<string | undefined> {
  let absent: string | undefined;
  await eachOf(manifests, 6, async (manifest) => {
    if (absent !== undefined) return;
    const found = await readMetadata(cluster, manifest);
    if (found?.metadata?.annotations?.[manifestHash] === hashOf(manifest)) return;
    absent ??= `${manifest.kind} ${manifest.metadata.name} ${found ? 'differs' : 'is not there'}`;
  });
  return absent;
}

const metadataOnly = (kind: string) => `application/json;as=${kind};g=meta.k8s.io;v=v1, application/json`;

/** Metadata alone: a custom resource definition of Istio has up to 600 KB. */
async function readMetadata(cluster: Cluster, reference: Reference): Promise<KubernetesObject | undefined> {
  try {
    return await cluster.request<KubernetesObject>({
      method: 'GET',
      path: await pathOf(cluster, reference),
      accept: metadataOnly('PartialObjectMetadata'),
    });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

// ------------------------------------------------------------------ paths

/** The path of one object, without a trailing slash, for calls of a subresource. */
export async function pathOf(cluster: Cluster, reference: Reference): Promise<string> {
  return `${await collectionPath(cluster, reference)}/${encodeURIComponent(reference.metadata.name!)}`;
}

async function collectionPath(cluster: Cluster, { apiVersion, kind, metadata }: Reference): Promise<string> {
  const resource = await resourceOf(cluster, apiVersion, kind);
  const namespace =
    resource.namespaced && metadata.namespace ? `/namespaces/${encodeURIComponent(metadata.namespace)}` : '';
  return `${groupPath(apiVersion)}${namespace}/${resource.name}`;
}

const groupPath = (apiVersion: string) => (apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`);

async function resourceOf(cluster: Cluster, apiVersion: string, kind: string): Promise<ApiResource> {
  const find = async () => (await discover(cluster, apiVersion)).find((r) => r.kind === kind && !r.name.includes('/'));
  const known = await find();
  if (known) return known;
  cluster.discovered.delete(apiVersion); // a definition may have come since
  const resource = await find();
  if (!resource) throw new Error(`${cluster.name} does not serve ${kind} of ${apiVersion}`);
  return resource;
}

function discover(cluster: Cluster, apiVersion: string): Promise<ApiResource[]> {
  const known = cluster.discovered.get(apiVersion);
  if (known) return known;
  const asked = cluster
    .request<{ resources: ApiResource[] }>({ method: 'GET', path: groupPath(apiVersion) })
    .then(({ resources }) => resources);
  asked.catch(() => cluster.discovered.delete(apiVersion));
  cluster.discovered.set(apiVersion, asked);
  return asked;
}

async function eachOf<Item>(
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

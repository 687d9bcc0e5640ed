import { createHash } from 'node:crypto';
import type { KubernetesObject } from '@kubernetes/client-node';
import * as z from 'zod';
import { isRecord } from '../../records.js';
import { checked, found, metadataOnly, texts, type Found } from './answers.js';
import { ApiError, isConflict, isNotFound } from './api-errors.js';
import type { ApiCall, Cluster } from './cluster.js';
import { collectionPath, pathOf } from './discovery.js';
import { ownsAll } from './field-owners.js';
import { ref, UnparsedManifest, type Manifest, type NewObject, type Reference } from './manifest.js';

const fieldManager = 'vcdemo';

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
export const missing = (cluster: Cluster, manifests: readonly Manifest[]): Promise<string | undefined> =>
  firstOther(cluster, manifests, () => undefined);

/** The same, or the first that somebody has changed since: for objects that are nobody else's to change. */
export const missingOrChanged = (cluster: Cluster, manifests: readonly Manifest[]): Promise<string | undefined> =>
  firstOther(cluster, manifests, (present, manifest) =>
    ownsAll(present.metadata.managedFields, manifest, fieldManager) ? undefined : 'was changed',
  );

async function firstOther(
  cluster: Cluster,
  manifests: readonly Manifest[],
  look: (present: Found, manifest: Manifest) => string | undefined,
): Promise<string | undefined> {
  let absent: string | undefined;
  await eachOf(manifests, 6, async (manifest) => {
    if (absent !== undefined) return;
    const present = await readMetadata(cluster, manifest);
    const isApplied = present?.metadata.annotations[manifestHash] === hashOf(manifest);
    const found = !present ? 'does not exist' : isApplied ? look(present, manifest) : 'is out of date';
    if (found !== undefined) absent ??= `${manifest.kind} ${manifest.metadata.name} ${found}`;
  });
  return absent;
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

import type { KubernetesObject } from '@kubernetes/client-node';
import * as z from 'zod';
import { checked, found, metadataOnly, type Found } from './answers.js';
import { ApiError, TooMuchError } from './api-errors.js';
import { longestAnswer, type Cluster } from './cluster.js';
import { collectionPath } from './discovery.js';

const answeredList = z.object({
  items: z.array(z.unknown()).nullish(),
  metadata: z.object({ continue: z.string().optional() }).nullish(),
});

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

/** How many snapshots of a list are tried. */
const mostSnapshots = 3;
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
  for (let snapshots = 1; ;) {
    try {
      const page = await readPage<Kind>({ ...of, next, limit: Math.min(pageSize, atMost) });
      objects.push(...page.items);
      next = page.next;
    } catch (error) {
      // The snapshot of the first pages has expired: start again.
      if (!(isExpired(error) && ++snapshots <= mostSnapshots)) throw error;
      objects = [];
      next = undefined;
      continue;
    }
    if (objects.length > mostObjects) throw new TooMuchError(listOf(of), `${mostObjects} objects`);
    if (!next || objects.length >= atMost) return objects.slice(0, atMost);
  }
}

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
      else if (isExpired(error) && ++snapshots <= mostSnapshots) next = undefined;
      else throw error;
    }
  }
}

/** What is selected of all pages, in one namespace or without any; of what came twice, the last. */
export async function collect<Kind extends KubernetesObject>(
  listed: AsyncGenerator<Found<Kind>[]>,
  select: (each: Found<Kind>) => boolean = () => true,
): Promise<Found<Kind>[]> {
  const collected = new Map<string, Found<Kind>>();
  for await (const page of listed) for (const each of page) if (select(each)) collected.set(each.metadata.name, each);
  return [...collected.values()];
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

import * as z from 'zod';
import { checked } from './answers.js';
import type { ApiResource, Cluster } from './cluster.js';
import type { Reference } from './manifest.js';

/* Where a cluster serves the objects of a kind. */

/** The path of one object, without a trailing slash, for calls of a subresource. */
export async function pathOf(cluster: Cluster, { apiVersion, kind, metadata }: Reference): Promise<string> {
  const { name, namespace } = metadata;
  return `${await collectionPath(cluster, apiVersion, kind, namespace)}/${encodeURIComponent(name)}`;
}

/** The path of all objects of a kind, in one namespace or all. */
export async function collectionPath(
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
    .then(
      (answer) => checked(resourceList, answer, `the list of resources in ${apiVersion} of ${cluster.name}`).resources,
    );
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

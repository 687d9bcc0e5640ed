import type { V1ConfigMap } from '@kubernetes/client-node';
import type * as z from 'zod';
import { parseJson } from '../../json.js';
import { ApiError, isOvertaken } from '../client/api-errors.js';
import { homeNamespace, type Cluster } from '../client/cluster.js';
import { create, read } from '../client/objects.js';
import { pathOf } from '../client/discovery.js';
import { ref } from '../client/manifest.js';

/** A value that workers keep in a ConfigMap in their own namespace: Redis may be emptied, and workers come and go. */
export interface KeptValue<Value> {
  /** Of the ConfigMap; the dot keeps it apart from the records of demos, whose names have none. */
  name: `vcdemo.${string}`;
  /** Of its data. */
  key: string;
  schema: z.ZodType<Value>;
}

/**
 * The value; undefined if nothing was kept, or something that cannot be read: what somebody has overwritten must not end the
 * upkeep of demos, and is replaced by the next change.
 */
export async function readKept<Value>(host: Cluster, kept: KeptValue<Value>): Promise<Value | undefined> {
  return (await find(host, kept)).value;
}

/**
 * Changes the value, again if somebody else has written meanwhile; `change` gets undefined if there is none, and returns
 * undefined to leave it. Resolves to whether it was written: not if many workers write at the same time.
 */
export async function changeKept<Value>(
  host: Cluster,
  kept: KeptValue<Value>,
  change: (current: Value | undefined) => Value | undefined,
  tries = 5,
): Promise<boolean> {
  const reference = referenceOf(host, kept);
  for (let attempt = 1; attempt <= tries; attempt++) {
    const { value, version } = await find(host, kept);
    const next = change(value);
    if (next === undefined) return false;
    const metadata = { ...reference.metadata, ...(version !== undefined && { resourceVersion: version }) };
    const written = JSON.stringify(next);
    const body = { ...reference, metadata, data: { [kept.key]: written } };
    try {
      if (version === undefined) await create(host, body);
      else await host.request({ method: 'PUT', path: await pathOf(host, reference), body });
      return true;
    } catch (error) {
      if (!isOvertaken(error)) throw error;
      // An attempt whose answer was lost has written it.
      const isOwn = error instanceof ApiError && error.mayBeOwnDoing;
      if (isOwn && JSON.stringify((await find(host, kept)).value) === written) return true;
    }
  }
  return false;
}

const referenceOf = (host: Cluster, { name }: KeptValue<unknown>) =>
  ref('v1', 'ConfigMap', name, homeNamespace(host.access));

async function find<Value>(host: Cluster, kept: KeptValue<Value>) {
  const present = await read<V1ConfigMap>(host, referenceOf(host, kept));
  const version = present?.metadata?.resourceVersion;
  return { value: kept.schema.safeParse(parseJson(present?.data?.[kept.key] ?? '')).data, version };
}

import type { V1ConfigMap } from '@kubernetes/client-node';
import { z } from 'zod';
import { homeNamespace, type Cluster } from './cluster.js';
import { create, read, ref, remove, type Reference } from './objects.js';

/* While a host cluster is under maintenance, no new demos are created on it. */

export interface Maintenance {
  /** The Slack ID of the administrator who began it. */
  by: string;
  since: Date;
  reason?: string | undefined;
}

const key = 'maintenance';
/** The dot keeps it apart from the records of all demos. */
const reference = (host: Cluster): Reference =>
  ref('v1', 'ConfigMap', 'vcdemo.maintenance', homeNamespace(host.access));

const schema = z.object({
  by: z.string().max(30),
  since: z.iso.datetime().transform((text) => new Date(text)),
  reason: z.string().max(200).optional(),
});

/** The current maintenance; undefined if there is none. */
export async function findMaintenance(host: Cluster): Promise<Maintenance | undefined> {
  const found = await read<V1ConfigMap>(host, reference(host));
  return found && schema.parse(JSON.parse(found.data?.[key] ?? ''));
}

/** Begins a maintenance, or replaces the current one. */
export async function beginMaintenance(host: Cluster, maintenance: Maintenance): Promise<void> {
  await remove(host, reference(host));
  await create(host, { ...reference(host), data: { [key]: JSON.stringify(maintenance) } });
}

export const endMaintenance = (host: Cluster): Promise<void> => remove(host, reference(host));

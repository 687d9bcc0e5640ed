import type { V1ConfigMap } from '@kubernetes/client-node';
import { z } from 'zod';
import { homeNamespace, type Cluster } from './cluster.js';
import { apply, read } from './objects.js';

/* While a host cluster is under maintenance, no new demos are created on it. */

export interface Maintenance {
  /** The Slack ID of the administrator who began it. */
  by: string;
  since: Date;
  reason?: string | undefined;
}

/** The last time that maintenance was switched on or off; its time shows which commands are older. */
export interface MaintenanceSwitch extends Maintenance {
  isOn: boolean;
}

const key = 'maintenance';
/** The dot keeps it apart from the records of all demos. */
const reference = (host: Cluster) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'vcdemo.maintenance', namespace: homeNamespace(host.access) },
});

const schema = z.object({
  isOn: z.boolean(),
  by: z.string().max(30),
  since: z.iso.datetime().transform((text) => new Date(text)),
  reason: z.string().max(200).optional(),
});

async function lastSwitch(host: Cluster): Promise<MaintenanceSwitch | undefined> {
  const found = await read<V1ConfigMap>(host, reference(host));
  return found && schema.parse(JSON.parse(found.data?.[key] ?? ''));
}

/** The current maintenance; undefined if there is none. */
export async function findMaintenance(host: Cluster): Promise<Maintenance | undefined> {
  const last = await lastSwitch(host);
  return last?.isOn ? last : undefined;
}

/** Switches maintenance on or off; false if that was asked for before the last switch, so that no job can be repeated. */
export async function switchMaintenance(host: Cluster, next: MaintenanceSwitch): Promise<boolean> {
  const last = await lastSwitch(host);
  if (last && next.since.getTime() <= last.since.getTime()) return false;
  await apply(host, { ...reference(host), data: { [key]: JSON.stringify(next) } });
  return true;
}

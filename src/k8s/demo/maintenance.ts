import * as z from 'zod';
import type { Cluster } from '../client/cluster.js';
import { changeKept, readKept, type KeptValue } from './kept-value.js';

/* While a host cluster is under maintenance, no new demos are created on it. */

export interface Maintenance {
  /** The Slack ID of the administrator who began it. */
  by: string;
  since: Date;
  reason?: string | undefined;
}

/** The last time that maintenance was switched on or off; its time shows which commands are older. */
interface MaintenanceSwitch extends Maintenance {
  isOn: boolean;
}

const kept: KeptValue<MaintenanceSwitch> = {
  name: 'vcdemo.maintenance',
  key: 'maintenance',
  schema: z.object({
    isOn: z.boolean(),
    by: z.string().max(30),
    since: z.iso.datetime().transform((text) => new Date(text)),
    reason: z.string().max(200).optional(),
  }),
};

/** The current maintenance; undefined if there is none. */
export async function findMaintenance(host: Cluster): Promise<Maintenance | undefined> {
  const last = await readKept(host, kept);
  return last?.isOn ? last : undefined;
}

/**
 * Switches maintenance on or off; false if that was asked for before the last switch, so that no job can be repeated, except
 * the last one, which may not have said that it was done.
 */
export async function switchMaintenance(host: Cluster, next: MaintenanceSwitch): Promise<boolean> {
  let isLast = false;
  const isWritten = await changeKept(host, kept, (last) => {
    isLast = last?.since.getTime() === next.since.getTime();
    return last && next.since <= last.since ? undefined : next;
  });
  return isWritten || isLast;
}

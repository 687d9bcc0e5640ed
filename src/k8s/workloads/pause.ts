import type { V1StatefulSet } from '@kubernetes/client-node';
import { Refusal } from '../../errors.js';
import { lacks, unless, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import type { Demo, VirtualClusterPlace } from '../demo/demo.js';
import { listMetadata } from '../client/lists.js';
import { endingOf } from './pods.js';
import { merge, read, remove } from '../client/objects.js';
import { ref } from '../client/manifest.js';
import type { Found } from '../client/answers.js';

/*
 * A paused demo keeps its namespaces, objects and volumes, but has no pods: first the control plane is scaled to zero, then
 * the tenants' pods are deleted, which it would otherwise create again. When it is back, it creates them as its API says.
 */

/** What vcdemo runs in a namespace itself, by name. */
const workloads = ({ name }: VirtualClusterPlace) => [name, 'vc-client'];

const statefulSet = (name: string, { namespace }: VirtualClusterPlace) =>
  ref('apps/v1', 'StatefulSet', name, namespace);

/** Whether the control plane is stopped, which would otherwise create the tenants' pods again. */
export async function checkScaledDown(host: Cluster, place: VirtualClusterPlace): Promise<Check> {
  const found = await Promise.all(workloads(place).map((name) => read<V1StatefulSet>(host, statefulSet(name, place))));
  const scaled = found.find((set) => set && (set.spec?.replicas ?? 1) > 0);
  if (scaled) return lacks(`StatefulSet ${place.namespace}/${scaled.metadata.name} is not scaled to zero`);
  return unless(await podsLeft(host, place, (pod) => !isOfTenant(pod)));
}

/**
 * Checks that the control planes of a demo keep what they know while they are stopped.
 * @throws Refusal `no-volume`
 */
export async function assertHasVolumes(host: Cluster, { places }: Pick<Demo, 'places'>): Promise<void> {
  for (const place of places) await assertHasVolume(host, place);
}

async function assertHasVolume(host: Cluster, place: VirtualClusterPlace): Promise<void> {
  const controlPlane = await read<V1StatefulSet>(host, statefulSet(place.name, place));
  if (!controlPlane?.spec?.volumeClaimTemplates?.length)
    throw new Refusal('no-volume', `The virtual cluster ${place.name} has no volume, so a pause would empty it.`, {
      hint: 'The vcdemo operators can give virtual clusters volumes: see persistence in `vcluster.values`.',
    });
}

/**
 * Scales the control plane and vc-client to zero.
 * @throws what `assertHasVolumes` throws
 */
export async function scaleDown(host: Cluster, place: VirtualClusterPlace): Promise<void> {
  await assertHasVolume(host, place);
  for (const name of workloads(place)) {
    const reference = statefulSet(name, place);
    if (await read(host, reference)) await merge(host, reference, { spec: { replicas: 0 } });
  }
}

/** Whether no pod is left. */
export const checkPaused = async (host: Cluster, place: VirtualClusterPlace): Promise<Check> =>
  unless(await podsLeft(host, place, () => true));

/** Deletes the tenants' pods, once the control plane is gone. */
export async function deleteTenantPods(host: Cluster, place: VirtualClusterPlace): Promise<void> {
  const pods = (await listMetadata(host, 'v1', 'Pod', { namespace: place.namespace })).filter(isOfTenant);
  for (const { metadata } of pods)
    await remove(host, ref('v1', 'Pod', metadata.name, place.namespace), { uid: metadata.uid });
}

/** vcluster puts this label on every pod of a tenant, whatever the tenant writes there. */
const isOfTenant = ({ metadata }: Found): boolean => 'vcluster.loft.sh/managed-by' in metadata.labels;

async function podsLeft(
  host: Cluster,
  { namespace }: VirtualClusterPlace,
  select: (pod: Found) => boolean,
): Promise<string | undefined> {
  const left = (await listMetadata(host, 'v1', 'Pod', { namespace })).filter(select);
  if (left.length === 0) return undefined;
  const count = left.length === 1 ? 'one pod is still running' : `${left.length} pods are still running`;
  const [ending] = left.flatMap((pod) => endingOf(pod, host.now()) ?? []);
  return `${count} in ${namespace}${ending ? `: ${ending}` : ''}`;
}

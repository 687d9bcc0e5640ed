import type { V1Namespace } from '@kubernetes/client-node';
import * as z from 'zod';
import type { DemoConfig } from '../../config.js';
import { minutes, seconds } from '../../duration.js';
import { UserError } from '../../errors.js';
import { isConflict } from '../client/api-errors.js';
import { holds, lacks, unless, waitUntil, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import { demoLabels, lackingLabel, publicNameOf, type Demo, type VirtualClusterPlace } from './demo.js';
import { isOwnNamespace, noteNamespace } from './demo-record.js';
import { namespaceMetadata, namespaceNotes } from './own-namespaces.js';
import { assertAdmission } from '../isolation/admission-proof.js';
import { checkPolicyFacts, notePolicyFacts } from '../isolation/policy-facts.js';
import { checkDemoRights, takeDemoRights, type DemoRights } from '../permissions/demo-rights.js';
import { applyIsolation, checkIsolation, type IsolationRequest } from '../isolation/index.js';
import { applyAll, create, merge, missing, read, remove } from '../client/objects.js';
import { checked } from '../client/answers.js';
import { ref } from '../client/manifest.js';
import { terminationOf } from './removal.js';
import { dryRunSidecar } from '../mesh/sidecar-dry-run.js';
import { pullSecretCopies, type PullSecretRequest } from '../virtual-cluster/pull-secrets.js';

type HostNamespace = DemoRights & PullSecretRequest & IsolationRequest;

/**
 * Checks the namespace of a virtual cluster in the host cluster, the worker's permissions in it, its isolation from other
 * namespaces, and the credentials for its images.
 */
export async function checkHostNamespace(request: HostNamespace): Promise<Check> {
  const { host, config, demo, place } = request;
  const namespace = await read<V1Namespace>(host, ref('v1', 'Namespace', place.namespace));
  if (!namespace) return lacks(`namespace ${place.namespace} does not exist`);
  await refuseForeign(host, namespace, demo);
  if (isTerminating(namespace)) return lacks(terminationOf(namespace));
  const label = lackingLabel(namespace.metadata?.labels, publicNameOf(demo), place.name);
  if (label !== undefined) return lacks(`namespace ${place.namespace} does not have its label ${label}`);
  const rights = await checkDemoRights(request);
  if (!rights.holds) return rights;
  const facts = await checkPolicyFacts(host, config, namespace);
  if (!facts.holds) return facts;
  const note = await assertAdmission(host, config, place.namespace);
  const isolated = await checkIsolation(request);
  if (!isolated.holds) return isolated;
  const made = unless(await missing(host, await pullSecretCopies(request)));
  return made.holds && note ? { holds: true, note } : made;
}

/**
 * Creates the namespace, unless somebody else's has this name, and deletes it again if admission would refuse a sidecar. The
 * demo's own namespace gets back the labels that it has lost.
 * @throws UserError `foreign-namespace`, `isolation-not-enforced`, `admission-refuses`
 */
export async function makeHostNamespace(request: HostNamespace & { signal: AbortSignal }): Promise<void> {
  const { host, config, demo, place, signal } = request;
  await waitUntilFree(host, place, { withinMs: minutes(2.5) * config.stepDeadlineFactor, signal });
  const created = await createNamespace(host, config, demo, place);
  await takeDemoRights(request, signal);
  try {
    const wait = { withinMs: seconds(30) * config.stepDeadlineFactor, signal };
    await Promise.all([
      notePolicyFacts(host, config, place.namespace),
      applyIsolation(request, wait),
      waitForServiceAccount(host, place.namespace, wait),
    ]);
    await assertAdmission(host, config, place.namespace);
    await dryRunSidecar(host, config, place.namespace, signal);
  } catch (error) {
    if (created === 'created')
      await takeBack(host, place.namespace, { withinMs: seconds(60) * config.stepDeadlineFactor, signal });
    throw error;
  }
  await applyAll(host, await pullSecretCopies(request));
}

/** Waits until an earlier namespace of this name has been deleted. */
async function waitUntilFree(host: Cluster, { namespace: name }: VirtualClusterPlace, wait: Wait): Promise<void> {
  await waitUntil(
    `the deletion of namespace ${name}, which has already started`,
    async () => {
      const namespace = await read<V1Namespace>(host, ref('v1', 'Namespace', name));
      return namespace && isTerminating(namespace) ? lacks(terminationOf(namespace)) : holds;
    },
    wait,
  );
}

const isTerminating = ({ status }: V1Namespace) => status?.phase === 'Terminating';

type Wait = { withinMs: number; signal: AbortSignal };

/** Kubernetes creates the default account a moment after the namespace, and refuses every pod until then. */
async function waitForServiceAccount(host: Cluster, namespace: string, wait: Wait): Promise<void> {
  const account = ref('v1', 'ServiceAccount', 'default', namespace);
  await waitUntil(
    `the default ServiceAccount of namespace ${namespace}`,
    async () => ((await read(host, account)) ? holds : lacks('it does not exist')),
    { ...wait, everyMs: 50 },
  );
}

/** It is empty, so it is gone in a moment; until then it would look like a part of a demo. */
async function takeBack(host: Cluster, name: string, wait: Wait): Promise<void> {
  const namespace = ref('v1', 'Namespace', name);
  await remove(host, namespace);
  await waitUntil(
    `the deletion of namespace ${name}`,
    async () => ((await read(host, namespace)) ? lacks('it still exists') : holds),
    wait,
  );
}

const withUid = z.object({ metadata: z.object({ uid: z.string().min(1) }) });

async function createNamespace(host: Cluster, config: DemoConfig, demo: Demo, place: VirtualClusterPlace) {
  const metadata = namespaceMetadata(demo, place);
  const { labels: extraLabels, annotations: extraAnnotations } = config.namespace;
  try {
    const created = await create(host, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: metadata.name,
        labels: { ...extraLabels, ...metadata.labels },
        annotations: { ...extraAnnotations, ...metadata.annotations },
      },
    });
    const { uid } = checked(withUid, created, `namespace ${metadata.name}`).metadata;
    await noteNamespace(host, demo, place, uid);
    return 'created';
  } catch (error) {
    if (!isConflict(error)) throw error;
    const present = await read<V1Namespace>(host, ref('v1', 'Namespace', place.namespace));
    if (present) {
      await refuseForeign(host, present, demo);
      if (!isTerminating(present)) await restoreLabels(host, present, demo, place);
    }
    return 'present';
  }
}

/** Without the labels the admission policy does not apply in the namespace. A claimed pair also gets its owner's name. */
async function restoreLabels(
  host: Cluster,
  namespace: V1Namespace,
  demo: Demo,
  place: VirtualClusterPlace,
): Promise<void> {
  if (lackingLabel(namespace.metadata?.labels, publicNameOf(demo), place.name) === undefined) return;
  // With the UID, the API server refuses to change a later namespace of the same name.
  const labels = demoLabels(publicNameOf(demo), place.name);
  const metadata = { uid: namespace.metadata?.uid, labels, annotations: namespaceNotes(demo) };
  await merge(host, ref('v1', 'Namespace', place.namespace), { metadata });
}

/** Restores the labels of the demo's own namespaces, for upkeep. */
export async function restoreNamespaceLabels(host: Cluster, demo: Demo): Promise<void> {
  for (const place of demo.places) {
    const namespace = await read<V1Namespace>(host, ref('v1', 'Namespace', place.namespace));
    const isOwn = namespace?.metadata.uid === demo.namespaceUids[place.name];
    if (namespace && isOwn && !isTerminating(namespace)) await restoreLabels(host, namespace, demo, place);
  }
}

/** @throws UserError `foreign-namespace` */
export async function assertNotForeign(host: Cluster, demo: Demo, place: VirtualClusterPlace): Promise<void> {
  const namespace = await read<V1Namespace>(host, ref('v1', 'Namespace', place.namespace));
  if (namespace) await refuseForeign(host, namespace, demo);
}

async function refuseForeign(host: Cluster, namespace: V1Namespace, demo: Demo): Promise<void> {
  if (isTerminating(namespace)) return; // whoever owns it, its name will be free soon
  if (await isOwnNamespace(host, demo, namespace)) return;
  throw new UserError(
    'foreign-namespace',
    `The host cluster already has a namespace ${namespace.metadata?.name} that does not belong to demo ${demo.name}; it was not touched.`,
    { hint: 'Choose another name for the demo, or ask the owner of that namespace to remove it.' },
  );
}

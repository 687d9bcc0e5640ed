import { createHash } from 'node:crypto';
import { controllerOf, isReady, ownerReference, type KubeObject } from '../objects.js';
import type { Resources } from '../resources.js';
import type { Store } from '../store.js';
import type { Reconciler } from './reconciler.js';

/** Deployments create ReplicaSets; ReplicaSets and StatefulSets create pods. */
export function runWorkloads(reconciler: Reconciler, resources: Resources): void {
  const run = (kind: string, reconcile: (resources: Bound, object: KubeObject) => void) =>
    reconciler.on(
      `${kind.toLowerCase()}s.apps`,
      (object) => void (isStaying(object) && reconcile(resources, object)),
      kind,
    );
  run('Deployment', reconcileDeployment);
  run('ReplicaSet', reconcileReplicaSet);
  run('StatefulSet', reconcileStatefulSet);
}

/** Unlike a real one, it deletes the pods of an earlier template at once. */
function reconcileDeployment({ store, make }: Bound, deployment: KubeObject): void {
  const { metadata, spec } = deployment;
  const hash = hashOf(spec.template);
  const name = `${metadata.name}-${hash}`;
  const owned = ownedBy(deployment, store.list('replicasets.apps', metadata.namespace));
  for (const replicaSet of owned) if (replicaSet.metadata.name !== name) store.delete('replicasets.apps', replicaSet);
  const labels = { ...spec.template.metadata?.labels, 'pod-template-hash': hash };
  const template = { ...spec.template, metadata: { ...spec.template.metadata, labels } };
  const current =
    owned.find((one) => one.metadata.name === name) ??
    make({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name, namespace: metadata.namespace!, labels, ownerReferences: [ownerReference(deployment)] },
      spec: { replicas: spec.replicas, selector: { matchLabels: labels }, template },
    });
  store.change('replicasets.apps', metadata.namespace, name, (draft) => (draft.spec.replicas = spec.replicas));
  const { replicas = 0, readyReplicas = 0 } = current.status ?? {};
  const isAvailable = readyReplicas >= spec.replicas;
  const available = { type: 'Available', status: isAvailable ? 'True' : 'False', reason: 'MinimumReplicasAvailable' };
  writeStatus(store, 'deployments.apps', deployment, {
    replicas,
    updatedReplicas: replicas,
    readyReplicas,
    availableReplicas: readyReplicas,
    conditions: [available],
  });
}

function reconcileReplicaSet({ store, make }: Bound, replicaSet: KubeObject): void {
  const { metadata, spec } = replicaSet;
  const pods = ownedBy(replicaSet, store.list('pods', metadata.namespace)).filter(isStaying);
  for (const pod of pods.slice(spec.replicas)) store.delete('pods', pod, 1);
  for (let count = pods.length; count < spec.replicas; count++)
    make(podOf(replicaSet, { generateName: `${metadata.name}-`, name: '' }));
  writeStatus(store, 'replicasets.apps', replicaSet, countOf(pods));
}

function reconcileStatefulSet({ store, make }: Bound, statefulSet: KubeObject): void {
  const { metadata, spec } = statefulSet;
  const { namespace } = metadata;
  const revision = `${metadata.name}-${hashOf(spec.template)}`;
  const pods = ownedBy(statefulSet, store.list('pods', namespace));
  const isWanted = ({ metadata: { name, labels } }: KubeObject) =>
    labels?.['controller-revision-hash'] === revision && Number(name.split('-').at(-1)) < spec.replicas;
  for (const pod of pods.filter(isStaying)) if (!isWanted(pod)) store.delete('pods', pod, 1);
  for (let index = 0; index < spec.replicas; index++) {
    const name = `${metadata.name}-${index}`;
    for (const claim of spec.volumeClaimTemplates ?? []) {
      const claimed = { name: `${claim.metadata.name}-${name}`, namespace };
      if (!store.find('persistentvolumeclaims', namespace, claimed.name))
        make({ ...claim, apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: claimed });
    }
    if (pods.some((pod) => pod.metadata.name === name)) continue;
    const labels = { 'controller-revision-hash': revision, 'statefulset.kubernetes.io/pod-name': name };
    make(podOf(statefulSet, { name }, labels));
  }
  const count = countOf(pods.filter(isStaying));
  const revisions = { currentRevision: revision, updateRevision: revision };
  writeStatus(store, 'statefulsets.apps', statefulSet, { ...count, updatedReplicas: count.replicas, ...revisions });
}

type Bound = Pick<Resources, 'store' | 'make'>;

function podOf(owner: KubeObject, naming: { name: string; generateName?: string }, labels: object = {}): KubeObject {
  const { metadata = {}, spec } = owner.spec.template;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      ...naming,
      namespace: owner.metadata.namespace,
      labels: { ...metadata.labels, ...labels },
      ownerReferences: [ownerReference(owner)],
    },
    spec,
  };
}

function writeStatus(store: Store, resource: string, { metadata }: KubeObject, status: object): void {
  const { namespace, name, generation } = metadata;
  store.change(resource, namespace, name, (draft) => (draft.status = { observedGeneration: generation, ...status }));
}

function countOf(pods: KubeObject[]) {
  const ready = pods.filter(isReady).length;
  return { replicas: pods.length, readyReplicas: ready, availableReplicas: ready };
}

const ownedBy = ({ metadata }: KubeObject, objects: KubeObject[]) =>
  objects.filter((object) => controllerOf(object)?.uid === metadata.uid);
const isStaying = ({ metadata }: KubeObject) => metadata.deletionTimestamp === undefined;
const hashOf = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 9);

import { createHash } from 'node:crypto';
import { controllerOf, isReady, ownerReference, type KubeObject } from '../objects.js';
import type { Resources } from '../resources.js';
import type { Reconciler } from './reconciler.js';

/** Deployments make ReplicaSets, and those and StatefulSets make pods. */
export function runWorkloads(reconciler: Reconciler, resources: Resources): void {
  reconciler.on('deployments.apps', (object) => reconcileDeployment(resources, object), 'Deployment');
  reconciler.on('replicasets.apps', (object) => reconcileReplicaSet(resources, object), 'ReplicaSet');
  reconciler.on('statefulsets.apps', (object) => reconcileStatefulSet(resources, object), 'StatefulSet');
}

/** Unlike a real one, it takes the pods of an earlier template away at once. */
function reconcileDeployment({ store, make }: Bound, deployment: KubeObject): void {
  const { metadata, spec } = deployment;
  if (metadata.deletionTimestamp) return;
  const hash = hashOf(spec.template);
  const name = `${metadata.name}-${hash}`;
  const owned = store.list('replicasets.apps', metadata.namespace).filter(isOwnedBy(deployment));
  for (const replicaSet of owned) if (replicaSet.metadata.name !== name) store.delete('replicasets.apps', replicaSet);
  const labels = { ...spec.template.metadata?.labels, 'pod-template-hash': hash };
  const current = owned.find((one) => one.metadata.name === name);
  if (!current)
    make({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name, namespace: metadata.namespace!, labels, ownerReferences: [ownerReference(deployment)] },
      spec: {
        replicas: spec.replicas,
        selector: { matchLabels: labels },
        template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
      },
    });
  else if (current.spec.replicas !== spec.replicas)
    store.change('replicasets.apps', metadata.namespace, name, (draft) => (draft.spec.replicas = spec.replicas));
  const { replicas = 0, readyReplicas = 0 } = current?.status ?? {};
  store.change('deployments.apps', metadata.namespace, metadata.name, (draft) => {
    draft.status = {
      observedGeneration: metadata.generation,
      replicas,
      updatedReplicas: replicas,
      readyReplicas,
      availableReplicas: readyReplicas,
      conditions: [
        {
          type: 'Available',
          status: readyReplicas >= spec.replicas ? 'True' : 'False',
          reason: 'MinimumReplicasAvailable',
        },
      ],
    };
  });
}

function reconcileReplicaSet({ store, make }: Bound, replicaSet: KubeObject): void {
  const { metadata, spec } = replicaSet;
  if (metadata.deletionTimestamp) return;
  const pods = store.list('pods', metadata.namespace).filter(isOwnedBy(replicaSet)).filter(isStaying);
  for (const pod of pods.slice(spec.replicas)) store.delete('pods', pod, 1);
  for (let count = pods.length; count < spec.replicas; count++)
    make(podOf(replicaSet, { generateName: `${metadata.name}-`, name: '' }));
  writeStatus({ store }, 'replicasets.apps', replicaSet, pods);
}

function reconcileStatefulSet({ store, make }: Bound, statefulSet: KubeObject): void {
  const { metadata, spec } = statefulSet;
  if (metadata.deletionTimestamp) return;
  const revision = `${metadata.name}-${hashOf(spec.template)}`;
  const pods = store.list('pods', metadata.namespace).filter(isOwnedBy(statefulSet));
  for (const pod of pods.filter(isStaying))
    if (pod.metadata.labels?.['controller-revision-hash'] !== revision) store.delete('pods', pod, 1);
  for (let index = 0; index < spec.replicas; index++) {
    const name = `${metadata.name}-${index}`;
    for (const claim of spec.volumeClaimTemplates ?? []) {
      const claimName = `${claim.metadata.name}-${name}`;
      if (!store.find('persistentvolumeclaims', metadata.namespace, claimName))
        make({
          ...claim,
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: { name: claimName, namespace: metadata.namespace },
        });
    }
    if (pods.some((pod) => pod.metadata.name === name)) continue;
    const labels = { 'controller-revision-hash': revision, 'statefulset.kubernetes.io/pod-name': name };
    make(podOf(statefulSet, { name }, labels));
  }
  writeStatus({ store }, 'statefulsets.apps', statefulSet, pods.filter(isStaying), {
    currentRevision: revision,
    updateRevision: revision,
  });
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

function writeStatus(
  { store }: Pick<Resources, 'store'>,
  resource: string,
  object: KubeObject,
  pods: KubeObject[],
  more: object = {},
): void {
  const ready = pods.filter(isReady).length;
  store.change(resource, object.metadata.namespace, object.metadata.name, (draft) => {
    draft.status = {
      observedGeneration: object.metadata.generation,
      replicas: pods.length,
      readyReplicas: ready,
      availableReplicas: ready,
      ...(object.kind === 'StatefulSet' && { currentReplicas: pods.length, updatedReplicas: pods.length }),
      ...more,
    };
  });
}

const isOwnedBy =
  ({ metadata }: KubeObject) =>
  (object: KubeObject) =>
    controllerOf(object)?.uid === metadata.uid;
const isStaying = ({ metadata }: KubeObject) => metadata.deletionTimestamp === undefined;
const hashOf = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 9);

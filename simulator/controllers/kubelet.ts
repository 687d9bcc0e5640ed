import { unschedulable, type Faults } from '../faults.js';
import { hasLabels, ownerReference, setCondition, timestamp, type KubeObject } from '../objects.js';
import type { Resources } from '../resources.js';
import type { Timers } from '../timers.js';
import type { Reconciler } from './reconciler.js';

export const nodeName = 'simulated-cluster';
/** A pod with `true` runs on for its whole grace period. */
export const sigtermAnnotation = 'simulated-cluster/ignores-sigterm';

interface KubeletOptions {
  faults: Faults;
  timers: Timers;
  /** The time from scheduled to ready, ms. */
  startMs: number;
  allocatePodIp(): string;
  /** Called when a pod's containers have started; the pod becomes ready when this resolves. */
  started(pod: KubeObject): Promise<void>;
}

/** Runs pods (Pending, Running, then ready after a moment) and stops those that are being deleted. */
export function runPods(reconciler: Reconciler, { store, make }: Resources, options: KubeletOptions): void {
  const { faults, timers, startMs, allocatePodIp, started } = options;
  /** The current state of the pod; undefined if it is gone, even if another pod has its name. */
  const current = ({ metadata }: KubeObject) => {
    const found = store.find('pods', metadata.namespace, metadata.name);
    return found?.metadata.uid === metadata.uid ? found : undefined;
  };
  const change = (pod: KubeObject, edit: (draft: KubeObject) => void) => {
    if (current(pod)) store.change('pods', pod.metadata.namespace, pod.metadata.name, edit);
  };

  reconciler.on('pods', (pod) => {
    if (pod.metadata.deletionTimestamp) {
      const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000;
      const ignoresSigterm = pod.metadata.annotations?.[sigtermAnnotation] === 'true';
      timers.after(ignoresSigterm ? graceMs : Math.min(startMs / 4, 50), () => {
        const ended = current(pod);
        if (ended) store.delete('pods', ended);
      });
    } else if (!pod.spec.nodeName) schedule(pod);
  });

  function schedule(pod: KubeObject): void {
    if (faults.is('pods-pending') && hasLabels(pod, { app: 'vcluster' })) {
      change(pod, (draft) =>
        setCondition(draft, 'PodScheduled', false, { reason: 'Unschedulable', message: unschedulable }),
      );
      noteUnschedulable(pod);
      timers.after(500, () => {
        const waiting = current(pod);
        if (waiting && !waiting.spec.nodeName) schedule(waiting);
      });
      return;
    }
    change(pod, (draft) => {
      draft.spec.nodeName = nodeName;
      setCondition(draft, 'PodScheduled', true);
      draft.status.containerStatuses = containerStatuses(draft, { waiting: { reason: 'ContainerCreating' } });
    });
    timers.after(startMs / 2, () => {
      change(pod, (draft) => {
        Object.assign(draft.status, { phase: 'Running', podIP: allocatePodIp(), startTime: timestamp() });
        draft.status.containerStatuses = containerStatuses(draft, { running: { startedAt: timestamp() } });
        setCondition(draft, 'Ready', false, { reason: 'ContainersNotReady' });
      });
      const running = current(pod);
      if (running) void started(running).then(() => timers.after(startMs / 2, () => change(pod, becomeReady)));
    });
  }

  function noteUnschedulable(pod: KubeObject): void {
    const { name, namespace, uid } = pod.metadata;
    const event = `${name}.unschedulable`;
    if (store.find('events', namespace, event)) return;
    make({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: {
        name: event,
        namespace: namespace!,
        ownerReferences: [{ ...ownerReference(pod), controller: false }],
      },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', name, namespace, uid },
      type: 'Warning',
      reason: 'FailedScheduling',
      message: unschedulable,
      lastTimestamp: timestamp(),
      source: { component: nodeName },
    });
  }
}

function becomeReady(draft: KubeObject): void {
  draft.status.containerStatuses = draft.status.containerStatuses.map((one: object) => ({
    ...one,
    ready: true,
    started: true,
  }));
  setCondition(draft, 'ContainersReady', true);
  setCondition(draft, 'Ready', true);
}

function containerStatuses({ spec }: KubeObject, state: object): object[] {
  return spec.containers.map(({ name, image }: { name: string; image: string }) => ({
    name,
    image,
    ready: false,
    restartCount: 0,
    state,
  }));
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CoreV1Event, V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { endingOf, podProblem } from '../../../../src/k8s/workloads/pods.js';

const pod = (status: V1Pod['status'], name = 'vc1-0'): V1Pod => ({ metadata: { name }, status: status! });
const scheduled = { type: 'PodScheduled', status: 'True' };
const unscheduled = (message: string) => ({ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message });
const container = (fields: Partial<V1ContainerStatus>): V1ContainerStatus => ({
  name: 'syncer',
  ready: false,
  image: '',
  imageID: '',
  restartCount: 0,
  ...fields,
});
const running = (...containerStatuses: V1ContainerStatus[]) =>
  pod({ phase: 'Pending', conditions: [scheduled], containerStatuses });
/** As the API returns it, with times as text. */
const event = (fields: object): CoreV1Event =>
  ({ metadata: {}, involvedObject: { kind: 'Pod', name: 'vc1-0' }, type: 'Warning', ...fields }) as CoreV1Event;

const syncError = (message: string, at: object) => event({ reason: 'SyncError', message, ...at });
const quota =
  'pods "sleep-6d8-x-sample-x-vc1" is forbidden: exceeded quota: small, requested: pods=1, used: pods=4, limited: pods=4';

describe('a pod that is not ready', () => {
  it('is not a problem once it is ready', () => {
    assert.equal(podProblem(pod({ phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] })), undefined);
  });

  it("is explained in the scheduler's words", () => {
    const message = '0/1 nodes are available: 1 Insufficient cpu.';
    assert.equal(
      podProblem(pod({ phase: 'Pending', conditions: [unscheduled(message)] })),
      'pod vc1-0 cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu.',
    );
  });

  it('is explained by what its volume waits for', () => {
    const message = '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.';
    const claim = event({
      type: 'Normal',
      reason: 'FailedBinding',
      message: 'no persistent volumes available for this claim and no storage class is set',
      involvedObject: { kind: 'PersistentVolumeClaim', name: 'data-vc1-0' },
    });
    assert.match(
      podProblem(pod({ phase: 'Pending', conditions: [unscheduled(message)] }), [claim])!,
      /unbound immediate PersistentVolumeClaims\.; PersistentVolumeClaim data-vc1-0: no persistent volumes available/,
    );
  });

  it('is explained briefly, whatever a tenant wrote', () => {
    const problem = podProblem(pod({ phase: 'Pending', conditions: [unscheduled('x'.repeat(100_000))] }))!;
    assert.ok(problem.length < 2000, `${problem.length} characters`);
  });

  it('is explained by the state of its container', () => {
    const waiting = { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"' } };
    assert.equal(
      podProblem(running(container({ state: waiting }))),
      'pod vc1-0: container syncer is waiting: ImagePullBackOff, Back-off pulling image "x"',
    );
  });

  it('is explained by why the image is not pulled, which before 1.32 only an event says', () => {
    const failed = event({
      reason: 'Failed',
      message: 'Failed to pull image "x": toomanyrequests: You have reached your pull rate limit.',
      lastTimestamp: '2026-01-01T00:00:00Z',
    });
    const later = event({
      reason: 'Failed',
      message: 'Error: ImagePullBackOff',
      lastTimestamp: '2026-01-01T00:01:00Z',
    });
    const waiting = { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"' } };
    assert.match(podProblem(running(container({ state: waiting })), [failed, later])!, /toomanyrequests/);
    const newer = {
      waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x": ErrImagePull: manifest unknown' },
    };
    assert.match(podProblem(running(container({ state: newer })), [failed])!, /ErrImagePull: manifest unknown/);
  });

  it('is explained by the last exit of a crashing container', () => {
    const waiting = {
      waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s restarting failed container=syncer' },
    };
    const terminated = { reason: 'OOMKilled', exitCode: 137 };
    assert.equal(
      podProblem(running(container({ state: waiting, lastState: { terminated } }))),
      'pod vc1-0: container syncer is waiting: CrashLoopBackOff, OOMKilled, exit code 137',
    );
    assert.equal(
      podProblem(running(container({ state: { terminated: { reason: 'Error', exitCode: 1, message: 'no config' } } }))),
      'pod vc1-0: container syncer has terminated: Error, exit code 1, no config',
    );
    assert.match(
      podProblem(running(container({ state: { running: {} }, lastState: { terminated } })))!,
      /not ready yet: syncer \(previously terminated: OOMKilled, exit code 137\)/,
    );
  });

  it('is explained by its eviction', () => {
    const status = { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' };
    assert.equal(podProblem(pod(status)), 'pod vc1-0 has failed: Evicted, The node was low on resource: memory.');
  });

  it('is explained by what keeps its containers from starting', () => {
    const creating = container({ state: { waiting: { reason: 'ContainerCreating' } } });
    const mount = event({
      reason: 'FailedMount',
      message: 'MountVolume.SetUp failed for volume "x" : secret "x" not found',
    });
    assert.equal(podProblem(running(creating)), 'pod vc1-0 is Pending, not ready yet: syncer');
    assert.match(
      podProblem(running(creating), [mount])!,
      /^pod vc1-0 is waiting: FailedMount: MountVolume\.SetUp failed/,
    );
  });

  it('is explained by its node if the kubelet no longer reports', () => {
    const ready = container({ ready: true, state: { running: {} } });
    const down = event({ reason: 'NodeNotReady', message: 'Node is not ready' });
    assert.equal(podProblem(running(ready), [down]), 'pod vc1-0 is waiting: NodeNotReady: Node is not ready');
  });
});

describe('a pod of a virtual cluster without a copy in the host cluster', () => {
  const sleep = pod({ phase: 'Pending', qosClass: 'Burstable' }, 'sleep-6d8');

  it('is explained by why the host cluster refused it', () => {
    const refused = syncError(`Error syncing to host cluster: create object: ${quota}`, {
      eventTime: '2026-01-01T00:00:00.000000Z',
    });
    assert.equal(podProblem(sleep, [refused]), `the host cluster refuses pod sleep-6d8: ${quota}`);
  });

  it('is also explained for charts before 0.20, and by their own Pod Security', () => {
    assert.match(
      podProblem(sleep, [
        syncError(`Error syncing to physical cluster: ${quota}`, { lastTimestamp: '2026-01-01T00:00:00Z' }),
      ])!,
      /^the host cluster refuses pod sleep-6d8: pods "sleep/,
    );
    const own = 'Pod sleep-6d8 is forbidden: violates PodSecurity "baseline:latest": privileged';
    assert.match(podProblem(sleep, [syncError(own, {})])!, /refuses pod sleep-6d8: Pod sleep-6d8 is forbidden/);
  });

  it('is explained by the newest refusal, whichever of its three timestamps an event has', () => {
    const at = (message: string, times: object) =>
      syncError(`Error syncing to host cluster: create object: ${message}`, times);
    const events = [
      at('newest', {
        eventTime: '2026-01-01T00:00:00.000000Z',
        lastTimestamp: null,
        series: { count: 9, lastObservedTime: '2026-01-01T00:09:00.000000Z' },
      }),
      at('older', { eventTime: '2026-01-01T00:05:00.000000Z', lastTimestamp: null }),
      at('oldest', { lastTimestamp: '2026-01-01T00:02:00Z' }),
    ];
    assert.match(podProblem(sleep, events)!, /: newest$/);
  });

  it('is not explained by errors that healthy pods also have', () => {
    const other = syncError(
      'Error syncing: Operation cannot be fulfilled on pods "sleep-6d8": the object has been modified',
      {},
    );
    assert.equal(podProblem(sleep, [other]), 'pod sleep-6d8 is Pending');
  });

  it('is explained by its status once it has a copy, whatever was refused before', () => {
    const copied = pod({ phase: 'Pending', conditions: [unscheduled('0/1 nodes are available: 1 Too many pods.')] });
    const refused = syncError(`Error syncing to host cluster: create object: ${quota}`, {});
    assert.match(podProblem(copied, [refused])!, /cannot be scheduled: .*Too many pods/);
  });
});

describe('a pod that is being deleted', () => {
  const now = new Date('2026-01-01T12:05:00Z');
  const endsAt = (deletionTimestamp: string): V1Pod => ({
    metadata: { name: 'vc1-0', deletionTimestamp: deletionTimestamp as unknown as Date },
    spec: { nodeName: 'worker-2', containers: [] },
  });

  it('is said to be so until its time is over, then that its node is silent', () => {
    assert.equal(endingOf(pod({}), now), undefined);
    assert.equal(endingOf(endsAt('2026-01-01T12:05:20Z'), now), 'pod vc1-0 is being deleted');
    assert.equal(
      endingOf(endsAt('2026-01-01T12:01:00Z'), now),
      'pod vc1-0 is being deleted; its node worker-2 has not confirmed its end for 4m',
    );
  });
});

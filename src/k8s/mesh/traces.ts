import { createHash } from 'node:crypto';
import type { V1Pod } from '@kubernetes/client-node';
import type { DemoConfig } from '../../config.js';
import { seconds } from '../../duration.js';
import { NotYet } from '../client/api-errors.js';
import type { Cluster } from '../client/cluster.js';
import { execInPod } from '../client/exec.js';
import { list } from '../client/lists.js';
import type { Found } from '../client/answers.js';
import { sampleNamespace } from './helloworld.js';
import { readySleepPod } from './sidecar.js';

/*
 * What the use of a demo leaves: the requests and connections that sidecars and gateways have counted, and pods that come and
 * go. The virtual clusters' APIs say nothing about it, because both istiods and the syncers use them all the time.
 */

/** A tenant may have made any number of pods. */
const mostPods = 100;

/**
 * Envoy's counters of requests and connections within the mesh, as a regular expression; without those of what leaves it, such
 * as a look itself. A proxy keeps no counters of clusters unless it is told to, and Istio's own metrics are switched off in
 * the manual guide.
 * @see https://istio.io/latest/docs/ops/configuration/telemetry/envoy-stats/
 */
export const countersOfUse = 'cluster\\.(in|out)bound\\|.*upstream_(cx|rq)_total';

/** Sidecars and gateways serve their counters to every pod at this port, which the mesh does not intercept. */
const statsPath = ':15090/stats/prometheus?filter=upstream_(cx|rq)_total';

const script = `curl -sg --connect-timeout 2 --max-time 5 "$@" | grep -F _total
exit 0`;

/**
 * A fingerprint of the traces of use in both virtual clusters, read with one exec in each.
 * @throws NotYet if sleep is not ready or no sidecar has counted anything: a create sends requests, so that says nothing;
 *   what `execInPod` throws
 */
export async function readTraces(
  clusters: readonly Cluster[],
  signal: AbortSignal,
  { stepDeadlineFactor }: Pick<DemoConfig, 'stepDeadlineFactor'>,
): Promise<string> {
  const found = await Promise.all(
    clusters.map(async (cluster) => {
      const pods = await list<V1Pod>(cluster, 'v1', 'Pod');
      const withinMs = seconds(30) * stepDeadlineFactor;
      return {
        uids: pods.map(({ metadata }) => metadata.uid),
        counts: await readCounts(cluster, pods, signal, withinMs),
      };
    }),
  );
  const counts = found.flatMap((each) => each.counts);
  if (counts.length === 0) throw new NotYet('no sidecar reports how many requests it has seen');
  const total = counts.reduce((sum, count) => sum + count, 0);
  const uids = found.flatMap((each) => each.uids).toSorted();
  return createHash('sha256')
    .update([total, ...uids].join())
    .digest('hex')
    .slice(0, 16);
}

async function readCounts(
  cluster: Cluster,
  pods: readonly Found<V1Pod>[],
  signal: AbortSignal,
  withinMs: number,
): Promise<number[]> {
  const urls = pods
    .filter(isMeshed)
    .flatMap(({ status }) => status?.podIP ?? [])
    .slice(0, mostPods)
    .map(statsUrl);
  const { metadata } = await readySleepPod(cluster, sampleNamespace);
  const target = { namespace: sampleNamespace, pod: metadata.name, container: 'sleep' };
  return urls.length === 0
    ? []
    : countsIn(await execInPod(cluster, target, ['sh', '-c', script, 'traces', ...urls], { withinMs, signal }));
}

const statsUrl = (address: string) => `http://${address.includes(':') ? `[${address}]` : address}${statsPath}`;

/** Native sidecars are init containers. */
const isMeshed = ({ spec, status }: V1Pod): boolean =>
  status?.phase === 'Running' &&
  [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].some(({ name }) => name === 'istio-proxy');

const counter = /^envoy_cluster_upstream_(?:cx|rq)_total\{[^\n]*cluster_name="(?:in|out)bound\|[^\n]*\} (\d+)\s*$/gm;

/** The counters of an Envoy, in Prometheus's format. */
export const countsIn = (stats: string): number[] => [...stats.matchAll(counter)].map(([, count]) => Number(count));

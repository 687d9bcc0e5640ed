import { seconds } from '../../../duration.js';
import { messageOf } from '../../../errors.js';
import { ConnectionLost } from '../../../k8s/client/api-errors.js';
import type { Cluster } from '../../../k8s/client/cluster.js';
import { errorsOf, joinTraffic, sendTraffic, type Traffic, type TrafficRequest } from '../../../k8s/mesh/traffic.js';
import { firstLook, judgeShares, nextLook, shareRule, type Expectation } from './shares.js';
import { medianOf } from '../../../median.js';

/** What became of the requests from one cluster, or why none could be sent. */
export interface Direction {
  /** The cluster whose sleep sends. */
  from: string;
  traffic?: Traffic;
  /** The weights that were expected. */
  expectation?: Expectation;
  problem?: string;
  /** Whether requests were sent, but did not end in time: that decides nothing. */
  isLate?: true;
}

interface MeasureOptions {
  /** Of sleep and helloworld. */
  namespace: string;
  /** Requests in parallel. */
  parallel: number;
  /** May be known only after the first requests were sent. */
  expectation: Promise<Expectation>;
  signal: AbortSignal;
  /** Multiplies every deadline. */
  deadlineFactor: number;
}

/** Time for further requests where the first ones leave the shares open; a slow Service is not asked for many minutes. */
const patienceMs = seconds(45);

/** Time for all requests from a cluster: it holds a place among the jobs, whatever its sleep does. */
const mostMs = seconds(120);

/** Where the API does not answer in this time, nothing is waited for. */
const apiPatienceMs = seconds(10);

/** Sends requests from a cluster until the shares are decided, or their bound or time is reached. */
export async function measureDirection(cluster: Cluster, options: MeasureOptions): Promise<Direction> {
  options.expectation.catch(() => undefined); // whoever aborted knows
  try {
    const withinMs = apiPatienceMs * options.deadlineFactor;
    await cluster.request({ method: 'GET', path: '/readyz', accept: 'text/plain', repeat: 'never', withinMs });
    return { from: cluster.name, traffic: await measure(cluster, options), expectation: await options.expectation };
  } catch (error) {
    options.signal.throwIfAborted();
    return { from: cluster.name, problem: messageOf(error), ...(error instanceof TooLate && { isLate: true }) };
  }
}

class TooLate extends Error {}

async function measure(cluster: Cluster, options: MeasureOptions): Promise<Traffic> {
  const withinMs = Math.ceil(mostMs * options.deadlineFactor);
  const deadline = AbortSignal.timeout(withinMs);
  const signal = AbortSignal.any([options.signal, deadline]);
  try {
    return await sendUntilDecided(cluster.with({ signal }), { ...options, signal });
  } catch (error) {
    options.signal.throwIfAborted();
    if (!deadline.aborted) throw error;
    throw new TooLate(`the requests from ${cluster.name} did not finish within ${withinMs / 1000} s`, { cause: error });
  }
}

async function sendUntilDecided(cluster: Cluster, options: MeasureOptions): Promise<Traffic> {
  const { namespace, parallel, expectation, signal, deadlineFactor } = options;
  const config = { stepDeadlineFactor: deadlineFactor };
  const until = performance.now() + patienceMs * deadlineFactor;
  const sent = (request: TrafficRequest) =>
    sendTraffic(cluster, request, signal, config).catch((error: unknown) => {
      // A connection to the API that is cut says nothing about the mesh.
      if (!(error instanceof ConnectionLost)) throw error;
      return sendTraffic(cluster, request, signal, config);
    });
  let traffic = await sent({ namespace, parallel, sequential: shareRule.first });
  const expected = await expectation;
  const least = firstLook(expected);
  for (;;) {
    const { sequential } = traffic;
    if (errorsOf(traffic.parallel) + errorsOf(sequential) > 0) return traffic;
    const isOpen = judgeShares(sequential.versions, expected).kind === 'undecided';
    if (!isOpen && sequential.requests >= least) return traffic;
    const next = nextLook(sequential.requests, expected) ?? 0;
    const inTime = Math.floor((until - performance.now()) / Math.max(1, medianOf(sequential.times)));
    const more = Math.min(next - sequential.requests, inTime);
    if (more < 1) return traffic;
    traffic = joinTraffic(traffic, await sent({ namespace, parallel: 0, sequential: more }));
  }
}

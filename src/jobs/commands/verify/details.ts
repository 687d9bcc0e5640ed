import type { Run } from '../../../k8s/mesh/traffic.js';
import { clipMrkdwn, joinMrkdwn, mrkdwn, type Mrkdwn } from '../../../mrkdwn.js';
import { brief } from '../../slack/messages.js';
import type { SlackFile } from '../../slack/file-as-text.js';
import type { Finding } from './checks.js';
import { formatMs, latencyOf, type Latency } from './latency.js';
import type { MeshReport } from './mesh.js';
import type { PublicWay } from './outcome.js';
import { percent } from './shares.js';
import { recordOf } from '../../../records.js';

/** What verify says of a demo. */
export interface Verified extends Omit<MeshReport, 'pair' | 'host'> {
  demo: string;
  /** The host cluster that has it, if there are several. */
  hostCluster: string | undefined;
  /** Undefined where the public names work. */
  publicWay?: PublicWay | undefined;
}

/** All that was measured, as JSON, for the thread of the verdict; its comment is what engineers ask for next. */
export function detailsFile(verified: Verified): SlackFile {
  const { demo, at } = verified;
  return {
    filename: `verify-${demo}-${fileTime(at)}.json`,
    title: `Everything that verify measured for ${demo}`,
    content: `${JSON.stringify(detailsOf(verified), null, 2)}\n`,
    comment: detailsText(verified),
  };
}

/** `2026-01-02T03-04-05Z` */
export const fileTime = (at: Date): string => `${at.toISOString().slice(0, 19).replaceAll(':', '-')}Z`;

function detailsText({ directions, verdict, findings }: Verified): Mrkdwn {
  const lines = directions.flatMap(({ from, traffic, problem }) => {
    if (!traffic) return [mrkdwn`*from ${from}*: ${brief(problem ?? '')}`];
    const shares = verdict.directions.find((one) => one.from === from)?.shares;
    const { parallel, sequential, retries, endpoints } = traffic;
    return [
      mrkdwn`*from ${from}*`,
      mrkdwn`• sequential: ${runText(sequential)}; p = ${shares ? formatP(shares.pValue) : 'unknown'} against the expected shares`,
      ...Object.entries(sequential.timesByVersion).map(
        ([version, times]) => mrkdwn`      ${version}: ${latencyText(latencyOf(times))}`,
      ),
      mrkdwn`• in parallel: ${runText(parallel)}; ${latencyText(latencyOf(parallel.times))}`,
      mrkdwn`• retried by the sidecar: ${retries ?? 'unknown'}; endpoints in the sidecar: ${endpoints?.map(({ address, isHealthy }) => `${address}${isHealthy ? '' : ' (not healthy)'}`).join(', ') ?? 'unknown'}`,
    ];
  });
  return clipMrkdwn(joinMrkdwn([...lines, checksText(findings)], '\n'), 3500);
}

/** How many checks passed, and those that did not. */
function checksText(findings: readonly Finding[]): Mrkdwn {
  const open = findings.filter(({ state }) => state !== 'pass');
  const lines = open.map(
    ({ state, cluster, check, evidence }) =>
      mrkdwn`• ${state === 'fail' ? ':x:' : ':grey_question:'} ${cluster} ${check}: ${brief(evidence)}`,
  );
  return joinMrkdwn([mrkdwn`*${findings.length - open.length} of ${findings.length} checks passed*`, ...lines], '\n');
}

function runText({ requests, versions, instances, errors }: Run): string {
  const answers = Object.values(versions).reduce((sum, count) => sum + count, 0);
  const shares = Object.entries(versions)
    .toSorted()
    .map(([version, count]) => `${version} ${count} (${percent(count / answers)})`);
  const failed = Object.entries(errors).map(([error, count]) => `${count} × ${brief(error)}`);
  const counted = [...shares, ...failed].join(', ') || 'no answer';
  return `${requests} requests: ${counted}, ${Object.keys(instances).length} pods`;
}

export const latencyText = (latency: Latency | undefined): string =>
  latency
    ? `median ${formatMs(latency.median)}, 95 % ${formatMs(latency.p95)}, max ${formatMs(latency.max)}`
    : 'no latency measured';

const formatP = (p: number) => (p < 0.001 ? p.toExponential(1) : String(Number(p.toFixed(3))));

function detailsOf({ demo, hostCluster, ...report }: Verified): object {
  return { demo, hostCluster, ...reportJson(report) };
}

/** The report as JSON has it: without keys and tokens, which it never contains, and with latencies in place of single times. */
export function reportJson(report: Omit<MeshReport, 'pair' | 'host'>): object {
  const { verdict, directions, expectation, findings, causes, at, tookMs } = report;
  return {
    at: at.toISOString(),
    tookMs: Math.round(tookMs),
    verdict: verdict.kind,
    reason: verdict.reason,
    expected: expectation,
    causes,
    checks: findings,
    directions: verdict.directions.map((judged) => {
      const direction = directions.find(({ from }) => from === judged.from);
      const traffic = direction?.traffic;
      const runs = traffic && {
        sequential: runOf(traffic.sequential),
        parallel: runOf(traffic.parallel),
        retries: traffic.retries,
        endpoints: traffic.endpoints,
      };
      return { ...judged, problem: direction?.problem, ...runs };
    }),
  };
}

function runOf({ times, timesByVersion, ...counts }: Run): object {
  const latencyMsByVersion = recordOf(Object.keys(timesByVersion), (version) =>
    latencyOf(timesByVersion[version] ?? []),
  );
  return { ...counts, latencyMs: latencyOf(times), latencyMsByVersion };
}

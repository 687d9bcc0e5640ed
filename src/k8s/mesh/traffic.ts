import { randomBytes } from 'node:crypto';
import type { DemoConfig } from '../../config.js';
import { seconds } from '../../duration.js';
import { clip } from '../../redact.js';
import type { Cluster } from '../client/cluster.js';
import { execInPod } from '../client/exec.js';
import { adminUrl, endpointsIn, readySleepPod, requestsIn, type SidecarEndpoint } from './sidecar.js';

/*
 * Requests to helloworld through the mesh, from the sleep pod of one cluster. One exec sends them all, and curl itself
 * sends them in parallel or over one connection: starting a curl for each costs more than the request.
 */

/** How many requests are sent in each way. */
export interface TrafficRequest {
  /** Of sleep and helloworld. */
  namespace: string;
  /** Up to twenty at a time: measures speed and errors, and sends less to the slower side. */
  parallel: number;
  /**
   * One after the other: every endpoint is idle then, so the balancer's choice is fair. Ends at the first that is not answered,
   * and after half a minute.
   */
  sequential: number;
}

/** How some requests were answered. */
export interface Run {
  requests: number;
  /** Answers by version, such as `v1`. */
  versions: Record<string, number>;
  /** Answers by pod. */
  instances: Record<string, number>;
  /** What came instead of an answer, by message. */
  errors: Record<string, number>;
  /** Milliseconds of every request that was answered. */
  times: number[];
  /** The same by version; empty of requests in parallel, whose answers cannot be told apart. */
  timesByVersion: Record<string, number[]>;
}

/** What became of the requests from one cluster. */
export interface Traffic {
  parallel: Run;
  sequential: Run;
  /** Undefined where the sidecar did not say. */
  endpoints: SidecarEndpoint[] | undefined;
  /** Requests that the sidecar sent once more; undefined where it did not say. */
  retries: number | undefined;
}

/**
 * `$1` begins every line that is not part of an answer: pods do not know it. `$4` is the Service. Needs curl 7.75. After `$5`
 * seconds no more of the requests one after the other are sent, if there is `timeout`: slow answers are no errors. All but
 * the last of those answered are known then, because curl writes each (`-N`).
 */
export const trafficScript = `
curl --version >/dev/null || exit 127
timeout 1 true 2>/dev/null && limit="timeout $5"
curl -s --max-time 3 ${adminUrl}/clusters | grep -F "|$4.svc."
echo "$1 part"
[ -z "$2" ] || curl -s --max-time 5 --parallel --parallel-max 20 -w "\\n$1 %{http_code} %{time_total} %{errormsg}\\n" "$2" 2>/dev/null
echo "$1 part"
[ -z "$3" ] || $limit curl -sN --max-time 5 --fail-early -w "\\n$1 %{http_code} %{time_total} %{errormsg}\\n" "$3"
echo "$1 part"
curl -s --max-time 3 ${adminUrl}/clusters | grep -F "|$4.svc."
exit 0`;

/** How long requests are sent one after the other in one exec, in seconds. */
const sequentialSeconds = 30;

/** So many requests, as curl's globs write them. */
const urls = (service: string, count: number) => (count > 0 ? `http://${service}:5000/hello?[1-${count}]` : '');

/**
 * Sends the requests, in one exec.
 * @throws NotYet where no sleep pod is ready; what `execInPod` throws
 */
export async function sendTraffic(
  cluster: Cluster,
  { namespace, parallel, sequential }: TrafficRequest,
  signal: AbortSignal,
  { stepDeadlineFactor }: Pick<DemoConfig, 'stepDeadlineFactor'> = { stepDeadlineFactor: 1 },
): Promise<Traffic> {
  const pod = await readySleepPod(cluster, namespace);
  const service = `helloworld.${namespace}`;
  const mark = randomBytes(8).toString('hex');
  const output = await execInPod(
    cluster,
    { namespace, pod: pod.metadata.name, container: 'sleep' },
    [
      ...['sh', '-c', trafficScript, 'requests', mark, urls(service, parallel), urls(service, sequential), service],
      String(Math.ceil(sequentialSeconds * stepDeadlineFactor)),
    ],
    {
      withinMs: Math.ceil((seconds(sequentialSeconds + 30) + (parallel + sequential) * 700) * stepDeadlineFactor),
      signal,
    },
  );
  return readTraffic(output, mark, { parallel, sequential });
}

/** What the script wrote; every line that begins with the mark is curl's own or the script's. */
export function readTraffic(
  output: string,
  mark: string,
  { parallel, sequential }: Omit<TrafficRequest, 'namespace'>,
): Traffic {
  const [before = '', together = '', alone = '', after = ''] = output.split(`${mark} part\n`);
  const sentBefore = requestsIn(before);
  const sentAfter = requestsIn(after);
  const run = { parallel: readParallel(together, mark, parallel), sequential: readSequential(alone, mark, sequential) };
  const known = sentBefore.size > 0 && sentAfter.size > 0;
  const sent = sum(sentAfter.values()) - sum(sentBefore.values());
  const retries = Math.max(0, sent - run.parallel.requests - run.sequential.requests);
  return { ...run, endpoints: endpointsIn(after), retries: known ? retries : undefined };
}

/** One line of curl's `-w`. */
interface Ended {
  status: number;
  ms: number;
  problem: string;
}

/** The texts between curl's lines, each with the line behind it. */
function endedIn(text: string, mark: string, atMost: number): { body: string; ended: Ended }[] {
  return text
    .split(`\n${mark} `)
    .slice(0, atMost + 1)
    .map((part, index, parts) => {
      const [line = ''] = (parts[index + 1] ?? '').split('\n', 1);
      const [, status, time, problem = ''] = /^(\d{3}) ([\d.]+) ?(.{0,500})/.exec(line) ?? [];
      const body = index === 0 ? part : part.slice(part.indexOf('\n') + 1);
      return { body, ended: { status: Number(status ?? 0), ms: Number(time ?? 0) * 1000, problem: problem.trim() } };
    })
    .slice(0, -1);
}

function readSequential(text: string, mark: string, asked: number): Run {
  const run = emptyRun();
  for (const { body, ended } of endedIn(text, mark, asked)) {
    run.requests += 1;
    const [answer] = answersIn(body, 1);
    if (ended.status === 200 && answer) {
      countAnswer(run, answer);
      run.times.push(ended.ms);
      const version = Object.hasOwn(run.versions, answer.version) ? answer.version : others;
      addTimes(run, version, [ended.ms]);
    } else count(run.errors, problemOf(ended, body));
  }
  // It ends at the first that is not answered; that nothing was written says the same.
  if (asked > 0 && run.requests === 0) Object.assign(run, { requests: 1, errors: { 'no answer': 1 } });
  return run;
}

/** The answers of several requests may be written before the line of the first: they are counted, not assigned. */
function readParallel(text: string, mark: string, asked: number): Run {
  const run = { ...emptyRun(), requests: asked };
  const parts = endedIn(text, mark, asked);
  const answers = answersIn(text, asked);
  for (const answer of answers) countAnswer(run, answer);
  for (const { ended } of parts) if (ended.status === 200) run.times.push(ended.ms);
  for (const { body, ended } of parts) if (ended.status !== 200) count(run.errors, problemOf(ended, body));
  const odd = run.times.length - answers.length;
  if (odd > 0) count(run.errors, 'an unexpected answer', odd);
  if (asked > parts.length) count(run.errors, 'no answer', asked - parts.length);
  return run;
}

/** Answers such as `Hello version: v1, instance: helloworld-v1-5486-7897x`. */
function answersIn(text: string, atMost: number): { version: string; instance: string }[] {
  const answers = text.matchAll(/^Hello version: (\S{1,63}), instance: (\S{1,63})$/gm);
  return Array.from({ length: atMost }, () => answers.next().value)
    .filter((match) => match !== undefined)
    .map(([, version = '', instance = '']) => ({ version, instance }));
}

/** curl's reason, or what was said instead of an answer, such as Envoy's `no healthy upstream`. */
function problemOf({ status, problem }: Ended, body: string): string {
  if (status === 0) return problem || 'no answer';
  const said = body
    .split('\n')
    .findLast((line) => line.trim() !== '' && !line.startsWith('Hello version: '))
    ?.trim();
  return clip(status === 200 ? `an unexpected answer: ${said ?? ''}` : `HTTP ${status}${said ? `: ${said}` : ''}`, 200);
}

const emptyRun = (): Run => ({
  requests: 0,
  versions: {},
  instances: {},
  errors: {},
  times: [],
  timesByVersion: {},
});

function countAnswer(run: Run, { version, instance }: { version: string; instance: string }): void {
  count(run.versions, version);
  count(run.instances, instance);
}

/** The demo's administrator decides what the pods answer: so many different answers are told apart, and no more. */
const differentAnswers = 20;
const others = 'others';

function count(counts: Record<string, number>, key: string, times = 1): void {
  const isKnown = Object.hasOwn(counts, key);
  const counted = isKnown || (Object.keys(counts).length < differentAnswers && key !== '__proto__') ? key : others;
  counts[counted] = (ownValue(counts, counted) ?? 0) + times;
}

function addTimes({ timesByVersion }: Run, version: string, times: readonly number[]): void {
  timesByVersion[version] = [...(ownValue(timesByVersion, version) ?? []), ...times];
}

/** Keys come from pods: `constructor` is no more than a name. */
const ownValue = <Value>(of: Record<string, Value>, key: string): Value | undefined =>
  Object.hasOwn(of, key) ? of[key] : undefined;

/** Two runs after each other, as one. */
export function joinRuns(first: Run, second: Run): Run {
  const joined = emptyRun();
  for (const run of [first, second]) {
    joined.requests += run.requests;
    for (const field of ['versions', 'instances', 'errors'] as const)
      for (const [key, times] of Object.entries(run[field])) count(joined[field], key, times);
    joined.times.push(...run.times);
    for (const [version, times] of Object.entries(run.timesByVersion)) addTimes(joined, version, times);
  }
  return joined;
}

/** What was sent first and more requests of the same kind; the sidecar's state is the later one. */
export function joinTraffic(first: Traffic, second: Traffic): Traffic {
  const [before, after] = [first.retries, second.retries];
  return {
    parallel: joinRuns(first.parallel, second.parallel),
    sequential: joinRuns(first.sequential, second.sequential),
    endpoints: second.endpoints,
    retries: before === undefined || after === undefined ? undefined : before + after,
  };
}

export const errorsOf = ({ errors }: Pick<Run, 'errors'>): number => sum(Object.values(errors));

const sum = (numbers: Iterable<number>) => [...numbers].reduce((total, each) => total + each, 0);

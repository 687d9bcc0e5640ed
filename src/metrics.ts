import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/*
 * The metrics for Prometheus; docs/operations.md explains each name. Each bot or worker has its own registry, so that
 * several can run in one process.
 */

/** Seconds until a command is acknowledged; Slack waits three. */
const acknowledgementBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10];
/** Seconds, from a command that is answered at once to a step that runs until its deadline. */
const workBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600];

export type CommandOutcome = 'accepted' | 'answered' | 'refused' | 'failed';
type SlackCallOutcome = 'ok' | 'error' | 'rate_limited';
export type JobOutcome = 'done' | 'refused' | 'failed' | 'handed_back';

/** Counts one call to Slack's Web API or to a `response_url`. */
export type SlackCallObserver = (method: string, outcome: SlackCallOutcome) => void;

/** How many jobs each queue has, by state. */
export type QueueLengths = () => Promise<{ queue: string; jobs: Record<string, number> }[]>;

/** How many demos a host cluster has. */
export interface DemoCounts {
  byState: Record<string, number>;
  expired: number;
  /** Those that are verified on a schedule, by their last verdict. */
  scheduled: Record<string, number>;
  /** Of those, how many have missed two turns. */
  overdue: number;
  /** Warm pairs, by state. */
  pairs?: Record<string, number>;
  /** How many in a row could not be made. */
  pairFailures?: number;
}

export type BotMetrics = ReturnType<typeof createBotMetrics>;
export type WorkerMetrics = ReturnType<typeof createWorkerMetrics>;

export function createBotMetrics() {
  const registers: [Registry] = [new Registry()];
  return {
    ...sharedMetrics(registers),
    commands: new Counter({
      name: 'vcdemo_commands_total',
      help: 'Slash commands and buttons',
      labelNames: ['command', 'outcome'] as const,
      registers,
    }),
    acknowledgement: new Histogram({
      name: 'vcdemo_acknowledgement_seconds',
      help: 'Time from the start of a listener to its acknowledgement; Slack waits 3 s',
      buckets: acknowledgementBuckets,
      registers,
    }),
  };
}

export function createWorkerMetrics() {
  const registers: [Registry] = [new Registry()];
  return {
    ...sharedMetrics(registers),
    jobWait: new Histogram({
      name: 'vcdemo_job_wait_seconds',
      help: 'Time from a command to the start of its job',
      labelNames: ['job_name'] as const,
      buckets: workBuckets,
      registers,
    }),
    jobDuration: new Histogram({
      name: 'vcdemo_job_duration_seconds',
      help: 'Duration of jobs',
      labelNames: ['job_name', 'outcome'] as const,
      buckets: workBuckets,
      registers,
    }),
    stepDuration: new Histogram({
      name: 'vcdemo_step_duration_seconds',
      help: 'Duration of the steps of create, delete and revoke',
      labelNames: ['flow', 'step', 'outcome'] as const,
      buckets: workBuckets,
      registers,
    }),
    verdicts: new Counter({
      name: 'vcdemo_verify_verdicts_total',
      help: 'Verdicts of verify, by command or by schedule',
      labelNames: ['outcome', 'trigger'] as const,
      registers,
    }),
    idleLooks: new Counter({
      name: 'vcdemo_idle_looks_total',
      help: 'Checks of whether demos are idle, by result',
      labelNames: ['outcome'] as const,
      registers,
    }),
    clockAhead: new Gauge({
      name: 'vcdemo_worker_clock_ahead_seconds',
      help: "How far the worker's clock is ahead of the host cluster's; differences of up to 5 s count as none",
      registers,
    }),
    /** Sets the gauges for the host cluster's demos; they do not exist where another worker counts them. */
    noteDemos(counts: DemoCounts | undefined): void {
      for (const name of Object.values(demoGaugeNames)) registers[0].removeSingleMetric(name);
      if (!counts) return;
      const { byState, expired, scheduled, overdue, pairs = {}, pairFailures = 0 } = counts;
      const gauges = demoGauges(registers);
      for (const [state, count] of Object.entries(byState)) gauges.demos.set({ state }, count);
      gauges.expired.set(expired);
      for (const [outcome, count] of Object.entries(scheduled)) gauges.scheduled.set({ outcome }, count);
      gauges.overdue.set(overdue);
      for (const [state, count] of Object.entries(pairs)) gauges.pairs.set({ state }, count);
      gauges.pairFailures.set(pairFailures);
    },
  };
}

const demoGaugeNames = {
  demos: 'vcdemo_demos',
  expired: 'vcdemo_demos_expired',
  scheduled: 'vcdemo_verify_scheduled_demos',
  overdue: 'vcdemo_verify_overdue_demos',
  pairs: 'vcdemo_pool_pairs',
  pairFailures: 'vcdemo_pool_failures',
} as const;

function demoGauges(registers: Registry[]) {
  const demos = new Gauge({
    name: demoGaugeNames.demos,
    help: 'Demos in the host cluster',
    labelNames: ['state'] as const,
    registers,
  });
  return {
    demos,
    expired: new Gauge({ name: demoGaugeNames.expired, help: 'Demos that have expired', registers }),
    scheduled: new Gauge({
      name: demoGaugeNames.scheduled,
      help: 'Demos that are verified on a schedule, by their last verdict',
      labelNames: ['outcome'] as const,
      registers,
    }),
    overdue: new Gauge({
      name: demoGaugeNames.overdue,
      help: 'Demos that have missed two scheduled verifies',
      registers,
    }),
    pairs: new Gauge({
      name: demoGaugeNames.pairs,
      help: 'Warm pairs in the host cluster',
      labelNames: ['state'] as const,
      registers,
    }),
    pairFailures: new Gauge({
      name: demoGaugeNames.pairFailures,
      help: 'Consecutive failures to make a warm pair',
      registers,
    }),
  };
}

function sharedMetrics(registers: [Registry]) {
  const [registry] = registers;
  const slackCalls = new Counter({
    name: 'vcdemo_slack_calls_total',
    help: "Calls to Slack's Web API",
    labelNames: ['method', 'outcome'] as const,
    registers,
  });
  const slackCall: SlackCallObserver = (method, outcome) => slackCalls.inc({ method, outcome });
  const blockRefusals = new Counter({
    name: 'vcdemo_slack_blocks_refused_total',
    help: 'New blocks that Slack refused: missing in the workspace, or malformed',
    labelNames: ['block', 'refusal'] as const,
    registers,
  });
  return {
    registry,
    blockRefusal: (block: string, refusal: 'missing' | 'malformed') => blockRefusals.inc({ block, refusal }),
    /** Adds Node's own metrics, for a long-running process. */
    collectProcess: () => collectDefaultMetrics({ register: registry }),
    slackCall,
    /** Reads the queue lengths at each scrape; they are left out if Redis does not answer. */
    watchQueues(lengths: QueueLengths): void {
      new Gauge({
        name: 'vcdemo_queue_jobs',
        help: 'Jobs by queue and state',
        labelNames: ['queue', 'state'] as const,
        registers,
        async collect() {
          this.reset();
          for (const { queue, jobs } of await lengths().catch(() => []))
            for (const [state, count] of Object.entries(jobs)) this.set({ queue, state }, count);
        },
      });
    },
  };
}

import type { DemoConfig } from '../config.js';
import { formatDuration, minutes, seconds } from '../duration.js';
import { messageOf, UserError } from '../errors.js';
import { adviceFor } from '../known-failures.js';
import { ApiError, isOutage, isPassing } from '../k8s/client/api-errors.js';
import { pause, type Check } from '../k8s/check.js';
import type { VirtualClusterName } from '../k8s/demo/demo.js';
import { redact } from '../redact.js';
import { hintOf } from './hint.js';

/*
 * Runs a table of steps. The cluster is the state: a step checks (read-only) whether its result holds, acts if it does not,
 * and checks again until its deadline. To resume a table, run it again.
 */

/** How one step is done; the context is that of the demo or of one virtual cluster. */
export interface Work<Context> {
  /** Whether the step's result holds; read-only and exact. */
  check(context: Context): Promise<Check>;
  /** Produces the result; safe to repeat. Without it the step only waits. */
  apply?(context: Context): Promise<void>;
  /** Makes those look again who retry with growing pauses, after an outage, for example; repeated while the step waits. */
  nudge?(context: Context): Promise<void>;
}

interface Row<Context> {
  /** The steps that must be done first: on both clusters, or on the same cluster if both steps run on `each`. */
  after: readonly string[];
  within: number;
  /** What people read meanwhile: `Starting the virtual cluster`. */
  says: string;
  /** What `status` calls its result: `Virtual cluster`. */
  part?: string;
  /** If false, the step is left out. */
  when?: (config: DemoConfig) => boolean;
  /** If it fails, that is shown, and the flow goes on without it. */
  optional?: boolean;
  work: Work<Context>;
}

type Step<Once, Each> = { name: string } & (({ on: 'once' } & Row<Once>) | ({ on: 'each' } & Row<Each>));

type NewRow<Above extends string, Once, Each> = { after: readonly Above[] | 'all' } & (
  ({ on: 'once' } & Omit<Row<Once>, 'after'>) | ({ on: 'each' } & Omit<Row<Each>, 'after'>)
);

/**
 * A table of steps; `after` can name only rows above, so there are no cycles and a misspelt name does not compile. `all`
 * means every row above, also one that somebody adds later.
 */
export class Flow<Once, Each, Names extends string = never> {
  private constructor(readonly steps: readonly Step<Once, Each>[]) {}

  static of<Once, Each>(): Flow<Once, Each> {
    return new Flow<Once, Each>([]);
  }

  /** The same table without these steps; what comes after them no longer waits for them. */
  without<Left extends Names>(...left: Left[]): Flow<Once, Each, Exclude<Names, Left>> {
    const names: readonly string[] = left;
    return new Flow<Once, Each, Exclude<Names, Left>>(this.steps.filter(({ name }) => !names.includes(name)));
  }

  /** The same table with another deadline of one step, in milliseconds. */
  within(changed: Names, within: number): Flow<Once, Each, Names> {
    return new Flow<Once, Each, Names>(this.steps.map((step) => (step.name === changed ? { ...step, within } : step)));
  }

  step<Name extends string>(name: Name, row: NewRow<Names, Once, Each>): Flow<Once, Each, Names | Name> {
    const after = row.after === 'all' ? this.steps.map((above) => above.name) : row.after;
    return new Flow<Once, Each, Names | Name>([...this.steps, { ...row, name, after }]);
  }
}

/** One step, on one cluster or once for the demo. */
export interface Task {
  step: string;
  cluster?: VirtualClusterName;
  says: string;
  /** What its result is called; what it says if undefined. */
  part?: string;
  state: 'waiting' | 'running' | 'done' | 'failed' | 'skipped';
  /** What the last check saw. */
  seen?: string;
  /** A remark about the result, for people. */
  note?: string;
  startedAt?: Date;
  /** Milliseconds from start to end. */
  tookMs?: number;
  /** Whether the result held at the first check. */
  found?: boolean;
  error?: unknown;
  /** If it fails, the flow goes on. */
  optional?: boolean;
}

interface FlowRun<Once, Each> {
  config: DemoConfig;
  context: Once;
  contextOf: (cluster: VirtualClusterName) => Each;
  /** Where `each` runs; only one of the two if the demo is half deleted. */
  clusters: readonly VirtualClusterName[];
  /** Stops everything at once. */
  signal: AbortSignal;
  /** Stops at the next boundary: no step starts, running actions may finish, and nothing is waited for. */
  draining?: AbortSignal;
  /** Called with all tasks whenever one changes. */
  onChange: (tasks: readonly Task[]) => void;
  /** Called when a task is done or has failed. */
  onEnd?: (task: Task) => void;
}

/** Steps have failed; the flow can be resumed. */
export class FlowError extends Error {
  override readonly name = 'FlowError';

  constructor(readonly failed: readonly Task[]) {
    super(failed.map((task) => `${taskName(task)}: ${messageOf(task.error)}`).join('\n'), { cause: failed[0]?.error });
  }

  /** The hint of the first failed step, or advice for a known failure. */
  get hint(): string | undefined {
    return this.failed.map(({ error }) => hintOf(error)).find(Boolean);
  }
}

/** `vc1: Starting the virtual cluster` */
export const taskName = ({ cluster, says }: Task) => (cluster ? `${cluster}: ${says}` : says);

/** `vc1: Virtual cluster` */
export const partName = ({ cluster, says, part = says }: Task) => (cluster ? `${cluster}: ${part}` : part);

/**
 * Runs every step as soon as the steps before it are done. If one fails that is not optional, those that depend on it do
 * not start, and the others finish.
 * @throws FlowError with every failed task; the reason of `signal` or `draining` if one of them stopped it
 */
export async function runFlow<Once, Each>(flow: Flow<Once, Each, string>, run: FlowRun<Once, Each>): Promise<Task[]> {
  const tasks = await runTasks(flow, run, perform);
  run.signal.throwIfAborted();
  if (tasks.some(({ state }) => state === 'skipped')) run.draining?.throwIfAborted();
  const failed = tasks.filter(({ state, optional }) => state === 'failed' && !optional);
  if (failed.length > 0) throw new FlowError(failed);
  return tasks;
}

/** Checks the result of every step without acting; a step whose result does not hold is `failed` with what was seen. */
export async function inspectFlow<Once, Each>(
  flow: Flow<Once, Each, string>,
  run: Omit<FlowRun<Once, Each>, 'onChange' | 'onEnd'>,
): Promise<Task[]> {
  return await runTasks(flow, { ...run, onChange: () => undefined }, async (task, { look }) => {
    const result = await look();
    task.found = result.holds;
    if (!result.holds) throw new Error(result.seen);
    if (result.note) task.note = result.note;
  });
}

type Performer = (task: Task, actions: Actions, signal: AbortSignal, changed: () => void) => Promise<void>;

async function runTasks<Once, Each>(
  flow: Flow<Once, Each, string>,
  run: FlowRun<Once, Each>,
  performer: Performer,
): Promise<Task[]> {
  const tasks: Task[] = [];
  const running = new Map<string, Promise<boolean>>();
  const changed = () => run.onChange(tasks);
  const factor = run.config.stepDeadlineFactor;
  const stopping = run.draining ? AbortSignal.any([run.signal, run.draining]) : run.signal;

  for (const step of flow.steps.filter(({ when }) => when?.(run.config) ?? true)) {
    for (const { cluster, ...actions } of placesOf(step, run)) {
      const { name, says, part, optional } = step;
      const task: Task = {
        step: name,
        says,
        ...(part !== undefined && { part }),
        state: 'waiting',
        ...(cluster && { cluster }),
        ...(optional && { optional }),
      };
      tasks.push(task);
      const before = step.after.flatMap((name) => {
        const own = running.get(taskKey(name, cluster)) ?? running.get(taskKey(name));
        return own ? [own] : run.clusters.flatMap((each) => running.get(taskKey(name, each)) ?? []);
      });
      const perform = () =>
        performer(
          task,
          { ...actions, withinMs: step.within * factor, nudgeEveryMs: nudgeAfterMs * factor },
          stopping,
          changed,
        );
      const ended = runTask(task, before, perform, stopping, changed).finally(() => {
        if (task.state === 'done' || task.state === 'failed') run.onEnd?.(task);
      });
      running.set(taskKey(step.name, cluster), ended);
    }
  }
  changed();
  await Promise.all(running.values());
  return tasks;
}

/** Where a step runs, with its work bound to what it works on there. */
function placesOf<Once, Each>(
  step: Step<Once, Each>,
  { clusters, context, contextOf }: Pick<FlowRun<Once, Each>, 'clusters' | 'context' | 'contextOf'>,
): (Omit<Actions, 'withinMs' | 'nudgeEveryMs'> & { cluster?: VirtualClusterName })[] {
  const bind = <Context>({ check, apply, nudge }: Work<Context>, contextNow: () => Context) => ({
    look: () => check(contextNow()),
    act: () => apply?.(contextNow()),
    nudge: () => nudge?.(contextNow()),
  });
  return step.on === 'each'
    ? clusters.map((cluster) => ({ cluster, ...bind(step.work, () => contextOf(cluster)) }))
    : [bind(step.work, () => context)];
}

const taskKey = (step: string, cluster?: VirtualClusterName) => (cluster ? `${step}/${cluster}` : step);

interface Actions {
  look: () => Promise<Check>;
  act: () => Promise<void> | undefined;
  nudge: () => Promise<void> | undefined;
  withinMs: number;
  nudgeEveryMs: number;
}

/** Resolves to whether those that wait for the task can start; never rejects. */
async function runTask(
  task: Task,
  before: Promise<boolean>[],
  perform: () => Promise<void>,
  signal: AbortSignal,
  changed: () => void,
): Promise<boolean> {
  const done = await Promise.all(before);
  if (signal.aborted || done.includes(false)) {
    task.state = 'skipped';
    changed();
    return false;
  }
  const start = performance.now();
  task.state = 'running';
  task.startedAt = new Date();
  changed();
  try {
    await perform();
    task.state = 'done';
  } catch (error) {
    task.state = signal.aborted ? 'skipped' : 'failed';
    task.error = error;
  }
  delete task.seen;
  task.tookMs = performance.now() - start;
  changed();
  return task.state === 'done' || (task.state === 'failed' && task.optional === true);
}

const lookEveryMs = 300;
const nudgeAfterMs = seconds(15);
/** An API that asks for more is asked again all the same. */
const longestPauseMs = minutes(2);
/** How long an outage may last, as a multiple of the step's deadline. */
const longestOutage = 4;

async function perform(
  task: Task,
  { look, act, nudge, withinMs, nudgeEveryMs }: Actions,
  signal: AbortSignal,
  changed: () => void,
): Promise<void> {
  let deadline = performance.now() + withinMs;
  let outageLeftMs = longestOutage * withinMs;
  let acted = false;
  let nudgedAt = -Infinity;
  for (;;) {
    signal.throwIfAborted();
    const lookedAt = performance.now();
    let isAway = false;
    let pauseMs = lookEveryMs;
    let seen: string;
    try {
      const result = await look();
      if (result.holds) {
        task.found = !acted;
        if (result.note) task.note = result.note;
        return;
      }
      seen = redact(result.seen);
      if (!acted) {
        await act();
        acted = true;
      }
      if (performance.now() - nudgedAt >= nudgeEveryMs) {
        await nudge();
        nudgedAt = performance.now();
        continue;
      }
    } catch (error) {
      // A server that does not answer now may answer later; any other error is for people.
      if (!isPassing(error)) throw error;
      isAway = isOutage(error);
      if (error instanceof ApiError) pauseMs = Math.max(pauseMs, Math.min(error.retryAfterMs ?? 0, longestPauseMs));
      seen = messageOf(error);
    }
    if (task.seen !== seen) {
      task.seen = seen;
      changed();
    }
    if (performance.now() + lookEveryMs > deadline)
      throw new UserError('step-timeout', `${seen} (waited ${formatDuration(withinMs)})`, { hint: adviceFor(seen) });
    await pause(pauseMs, signal);
    if (isAway) {
      // The step could do nothing during the outage, so that time does not count.
      const lostMs = Math.min(outageLeftMs, performance.now() - lookedAt);
      outageLeftMs -= lostMs;
      deadline += lostMs;
    }
  }
}

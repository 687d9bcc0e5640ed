import type { RichTextBlock, TaskCardBlock } from '@slack/web-api';
import { formatDuration, seconds } from '../../../duration.js';
import { messageOf } from '../../../errors.js';
import { mrkdwn, plain, type Mrkdwn } from '../../../mrkdwn.js';
import { buttons, smallPrint, type CommandButton, type SlackMessage } from '../../../slack-message.js';
import type { Task } from '../../flow.js';
import { brief } from '../messages.js';
import { groupByStep, type TaskGroup } from './task-groups.js';

/** How long earlier runs took, in milliseconds: the medians of the whole run and of each step. */
interface UsualDurations {
  totalMs: number;
  stepMs: Readonly<Record<string, number>>;
}

export interface Working {
  /** `Creating demo *team-a*` */
  title: Mrkdwn;
  tasks: readonly Task[];
  /** When the clock started. */
  since: Date;
  now: Date;
  /** Undefined if there is no earlier run. */
  usual?: UsualDurations | undefined;
  jobId: string;
  /** The worker stopped in the middle; another one continues. */
  isInterrupted?: boolean;
  actions?: readonly CommandButton[];
}

/** The card of a demo while something is done with it: a plan with a task for each step. */
export function workingCard(working: Working): SlackMessage {
  const { title, tasks, jobId, isInterrupted = false, actions = [] } = working;
  const groups = [...groupByStep(isInterrupted ? tasks.map(asWaiting) : tasks).values()];
  const done = groups.filter((group) => group.every(({ state }) => state === 'done')).length;
  const count = groups.length > 0 ? `${done} of ${groups.length} steps` : 'starting';
  const interrupted = isInterrupted ? ' · interrupted, continues on the next free worker' : '';
  const head = `${count} · ${timeText(working)}${interrupted}`;
  const running = groups.filter(([first]) => first !== undefined).filter((group) => statusOf(group) === 'in_progress');
  const now = running.map(([{ says }]) => says).join(', ');
  return {
    text: plain(mrkdwn`${title}: ${head}${now && mrkdwn`. Now: ${now}`}`),
    blocks: [
      { type: 'plan', title: `${plain(title)} · ${head}`, tasks: groups.map((group) => taskCard(group, working)) },
      ...(actions.length > 0 ? [buttons(actions)] : []),
      smallPrint(mrkdwn`Job \`${jobId}\``),
    ],
  };
}

const asWaiting = (task: Task): Task =>
  task.state === 'skipped' || task.state === 'running' ? { ...task, state: 'waiting' } : task;

/** `24s, about 40s left` */
function timeText({ since, now, usual, isInterrupted }: Working): string {
  const elapsedMs = Math.max(0, now.getTime() - since.getTime());
  const elapsed = formatDuration(elapsedMs);
  if (usual === undefined || isInterrupted) return elapsed;
  const leftMs = Math.round((usual.totalMs - elapsedMs) / seconds(5)) * seconds(5);
  if (leftMs > 0) return `${elapsed}, about ${formatDuration(leftMs)} left`;
  return isSlow(elapsedMs, usual.totalMs)
    ? `${elapsed}, slower than usual (usually ${formatDuration(usual.totalMs)})`
    : `${elapsed}, nearly done`;
}

/** A run or step is called slow, not failed, when it takes twice as long as usual. */
const isSlow = (tookMs: number, usualMs: number): boolean => tookMs > Math.max(2 * usualMs, usualMs + seconds(10));

function taskCard(group: TaskGroup, { now, usual }: Working): TaskCardBlock {
  const [{ step, says }] = group;
  const details = detailsOf(group);
  const output = outputOf(group);
  return {
    type: 'task_card',
    task_id: step,
    title: `${says}${slowText(group, now, usual?.stepMs[step])}`,
    status: statusOf(group),
    ...(details && { details: richText(details) }),
    ...(output && { output: richText(output) }),
  };
}

function statusOf(group: TaskGroup): TaskCardBlock['status'] {
  const has = (state: Task['state']) => group.some((task) => task.state === state);
  if (group.some(({ state, optional }) => state === 'failed' && !optional)) return 'error';
  if (has('running')) return 'in_progress';
  // A step that is done on one cluster and cannot start on the other yet is under way too.
  if (has('waiting') || has('skipped')) return has('done') && has('waiting') ? 'in_progress' : 'pending';
  return 'complete';
}

function slowText(group: TaskGroup, now: Date, usualMs: number | undefined): string {
  const started = group.flatMap(({ state, startedAt }) =>
    state === 'running' && startedAt ? [startedAt.getTime()] : [],
  );
  const tookMs = started.length > 0 ? now.getTime() - Math.min(...started) : 0;
  if (usualMs === undefined || !isSlow(tookMs, usualMs)) return '';
  return ` · slower than usual (${formatDuration(tookMs)}, usually ${formatDuration(usualMs)})`;
}

/** What the step waits for, for each cluster where they differ. */
function detailsOf(group: TaskGroup): string {
  const waits = group.map(waitOf);
  const isSame = group.every(({ state }) => state === group[0].state) && new Set(waits).size === 1;
  if (isSame) return waits[0] ?? '';
  return group.map(({ cluster, state }, index) => `${cluster}: ${waits[index] || stateWords[state]}`).join(' · ');
}

const stateWords: Record<Task['state'], string> = {
  waiting: 'not started',
  running: 'under way',
  done: 'done',
  failed: 'failed',
  skipped: 'not started',
};

function waitOf({ state, seen, error, optional }: Task): string {
  if (state === 'failed' && !optional) return brief(messageOf(error));
  return seen === undefined ? '' : brief(seen);
}

/** Remarks on what came of it. */
function outputOf(group: TaskGroup): string {
  const remarks = group.flatMap(
    ({ note, optional, error }) => note ?? (optional && error ? `not done: ${messageOf(error)}` : []),
  );
  return [...new Set(remarks)].map((text) => brief(text)).join(' · ');
}

const richText = (text: string): RichTextBlock => ({
  type: 'rich_text',
  elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text }] }],
});

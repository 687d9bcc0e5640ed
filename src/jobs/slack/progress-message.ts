import { formatDuration } from '../../duration.js';
import { messageOf } from '../../errors.js';
import { joinMrkdwn, mrkdwn, plain, type Mrkdwn } from '../../mrkdwn.js';
import { sections, smallPrint, type SlackMessage } from '../../slack-message.js';
import type { Task } from '../flow.js';
import { brief } from './messages.js';

export interface Progress {
  /** `Creating demo *demo*` */
  title: Mrkdwn;
  tasks: readonly Task[];
  elapsedMs: number;
  jobId: string;
  outcome?: 'done' | 'failed' | 'interrupted' | 'cancelled';
}

export const taskIcons: Record<Task['state'], string> = {
  waiting: ':white_small_square:',
  running: ':hourglass_flowing_sand:',
  done: ':white_check_mark:',
  failed: ':x:',
  skipped: ':no_entry_sign:',
};

/** One line per step; both clusters are shown if they differ. */
export function progressMessage({ title, tasks, elapsedMs, jobId, outcome }: Progress): SlackMessage {
  const steps = [...groupByStep(tasks).values()];
  const done = steps.filter((step) => step.every(({ state }) => state === 'done')).length;
  const interrupted = { interrupted: ' · interrupted, continues on the next free worker', cancelled: ' · cancelled' };
  const stopped = outcome === 'interrupted' || outcome === 'cancelled' ? interrupted[outcome] : '';
  const counted = steps.length > 0 ? `${done} of ${steps.length} steps` : 'starting';
  const count = `${counted} · ${formatDuration(elapsedMs)}${stopped}`;
  const shown =
    outcome === 'interrupted' || outcome === 'cancelled'
      ? tasks.map((task) => (task.state === 'skipped' ? { ...task, state: 'waiting' as const } : task))
      : tasks;
  const lines = [...groupByStep(shown).values()].map(stepLine);
  return {
    text: plain(mrkdwn`${title}: ${count}`),
    blocks: [
      ...sections(mrkdwn`${outcome ? outcomeIcons[outcome] : ':gear:'} ${title} · ${count}`),
      ...sections(joinMrkdwn(lines, '\n')),
      smallPrint(mrkdwn`Job \`${jobId}\``),
    ],
  };
}

const outcomeIcons = {
  done: ':white_check_mark:',
  failed: ':x:',
  interrupted: ':arrows_counterclockwise:',
  cancelled: ':octagonal_sign:',
};

/** The tasks of one step. */
export type TaskGroup = readonly [Task, ...Task[]];

/** The tasks of each step together. */
export function groupByStep(tasks: readonly Task[]): Map<string, TaskGroup> {
  const groups = new Map<string, TaskGroup>();
  for (const task of tasks) {
    const group = groups.get(task.step);
    groups.set(task.step, group ? [...group, task] : [task]);
  }
  return groups;
}

function stepLine(tasks: TaskGroup): Mrkdwn {
  const [first] = tasks;
  const states = new Set(tasks.map(({ state }) => state));
  const worst =
    (['failed', 'running', 'skipped', 'waiting', 'done'] as const).find((state) => states.has(state)) ?? first.state;
  const icon = worst === 'failed' && first.optional ? ':warning:' : taskIcons[worst];
  const split =
    states.size > 1 ? `  ${tasks.map(({ cluster, state }) => `${cluster} ${taskIcons[state]}`).join('  ')}` : '';
  const seen = tasks
    .map(({ seen, note, optional, error }) => seen ?? note ?? (optional && error ? messageOf(error) : ''))
    .find(Boolean);
  return mrkdwn`${icon} ${first.says}${split}${seen && mrkdwn`\n        _${brief(seen)}_`}`;
}

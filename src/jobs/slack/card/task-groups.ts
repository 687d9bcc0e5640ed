import type { Task } from '../../flow.js';

export const taskIcons: Record<Task['state'], string> = {
  waiting: ':white_small_square:',
  running: ':hourglass_flowing_sand:',
  done: ':white_check_mark:',
  failed: ':x:',
  skipped: ':no_entry_sign:',
};

/** The tasks of one step: one, or one for each cluster. */
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

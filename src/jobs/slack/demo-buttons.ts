import { commandWords, personToChoose, type CommandTarget } from '../../commands/command-line.js';
import type { CommandName } from '../../commands/table.js';
import type { DemoConfig } from '../../config.js';
import { formatDuration, hours } from '../../duration.js';
import type { DemoState } from '../../k8s/demo/demo.js';
import { reminderMs } from '../../k8s/demo/demo-life.js';
import type { CommandButton } from '../../slack-message.js';

/*
 * The buttons on a demo, wherever they are shown. Each is a command with its words filled in, so whoever clicks it may do
 * what they may type.
 */

/** A demo, as its buttons name it. */
export type ButtonDemo = CommandTarget & { name: string };

/** One name for each command, on every message. */
const labels = {
  verify: 'Verify',
  kubeconfig: 'Kubeconfig',
  dashboard: 'Dashboard',
  extend: 'Extend',
  status: 'Status',
  logs: 'Logs',
  diagnose: 'Diagnose',
  audit: 'History',
  share: 'Share',
  transfer: 'Transfer',
  pause: 'Pause',
  resume: 'Resume',
  cancel: 'Cancel',
  revoke: 'Replace all keys',
  delete: 'Delete',
} as const satisfies Partial<Record<CommandName, string>>;

/** What `create` does depends on the demo. */
const createLabels = { absent: 'Create', unfinished: 'Resume', ready: 'Repair' } as const;

type Style = CommandButton['style'];

export function demoButton(
  demo: ButtonDemo,
  command: keyof typeof labels,
  { words = [], style }: { words?: readonly string[]; style?: Style } = {},
): CommandButton {
  return { label: labels[command], value: commandWords(demo, command, ...words), ...(style && { style }) };
}

export function createButtonOf(
  demo: ButtonDemo,
  state: keyof typeof createLabels,
  { words = [], style }: { words?: readonly string[]; style?: Style } = {},
): CommandButton {
  return { label: createLabels[state], value: commandWords(demo, 'create', ...words), ...(style && { style }) };
}

/** Opens a form, in which the person is chosen. */
const namingButton = (demo: ButtonDemo, command: 'share' | 'transfer'): CommandButton =>
  demoButton(demo, command, { words: [personToChoose] });

/** By how much the button extends a demo: no more than is possible when its owner is reminded. */
export const extensionText = ({ ttl }: Pick<DemoConfig, 'ttl'>): string =>
  formatDuration(Math.min(hours(4), Math.max(ttl.max - reminderMs, ttl.max / 2)));

export const extendButton = (demo: ButtonDemo, config: Pick<DemoConfig, 'ttl'>, style?: Style): CommandButton =>
  demoButton(demo, 'extend', { words: [extensionText(config)], ...(style && { style }) });

export const cancelButton = (demo: ButtonDemo): CommandButton => demoButton(demo, 'cancel');

export const deleteButton = (demo: ButtonDemo): CommandButton => demoButton(demo, 'delete', { style: 'danger' });

export const replaceKeysButton = (demo: ButtonDemo): CommandButton => demoButton(demo, 'revoke', { style: 'danger' });

/** What decides which buttons there are. */
export type ButtonRules = Pick<DemoConfig, 'dashboard' | 'ttl'>;

export const readyButtons = (demo: ButtonDemo, config: ButtonRules): CommandButton[] => [
  demoButton(demo, 'verify', { style: 'primary' }),
  demoButton(demo, 'kubeconfig'),
  ...(config.dashboard.enabled ? [demoButton(demo, 'dashboard')] : []),
  extendButton(demo, config),
  deleteButton(demo),
];

/** What the menu of a demo that is ready offers beside the buttons; Slack allows five entries. The status has the rest. */
export const readyMenu = (demo: ButtonDemo): CommandButton[] => [
  demoButton(demo, 'status'),
  namingButton(demo, 'share'),
  demoButton(demo, 'pause'),
  createButtonOf(demo, 'ready'),
  demoButton(demo, 'revoke'),
];

/** For the status of a demo: what neither its card nor the card's menu has room for. */
export const statusButtons = (demo: ButtonDemo & { state: DemoState }): CommandButton[] => [
  ...(demo.state === 'ready' ? [demoButton(demo, 'diagnose')] : []),
  ...(demo.state === 'paused' ? [demoButton(demo, 'resume', { style: 'primary' })] : []),
  demoButton(demo, 'logs'),
  demoButton(demo, 'audit'),
  namingButton(demo, 'share'),
  namingButton(demo, 'transfer'),
];

export const pausedButtons = (demo: ButtonDemo, config: Pick<DemoConfig, 'ttl'>): CommandButton[] => [
  demoButton(demo, 'resume', { style: 'primary' }),
  extendButton(demo, config),
  deleteButton(demo),
];

export const failedButtons = (demo: ButtonDemo): CommandButton[] => [
  createButtonOf(demo, 'unfinished', { style: 'primary' }),
  demoButton(demo, 'logs'),
  deleteButton(demo),
];

/** Somebody stopped it, so its logs explain nothing. */
export const cancelledButtons = (demo: ButtonDemo): CommandButton[] => [
  createButtonOf(demo, 'unfinished', { style: 'primary' }),
  deleteButton(demo),
];

/** Nothing was created, so there is nothing to resume, read or delete. */
export const emptyButtons = (demo: ButtonDemo): CommandButton[] => [
  createButtonOf(demo, 'absent', { style: 'primary' }),
];

export const undeletedButtons = (demo: ButtonDemo): CommandButton[] => [deleteButton(demo), demoButton(demo, 'logs')];

export const unrevokedButtons = (demo: ButtonDemo): CommandButton[] => [
  replaceKeysButton(demo),
  createButtonOf(demo, 'ready', { style: 'primary' }),
  demoButton(demo, 'logs'),
];

/** @param audience as Slack writes a mention */
export const stopSharingButton = (demo: ButtonDemo, audience: string): CommandButton => ({
  label: 'Stop sharing',
  value: commandWords(demo, 'share', audience, '--stop'),
});

/** For somebody who was given a demo, or a share of one. */
export const newcomerButtons = (demo: ButtonDemo, config: Pick<DemoConfig, 'ttl'>): CommandButton[] => [
  demoButton(demo, 'kubeconfig'),
  demoButton(demo, 'status'),
  extendButton(demo, config),
];

/** The menu in a row of a list; empty if it has none. */
export const listedMenu = (demo: ButtonDemo & { state: DemoState }): CommandButton[] =>
  demo.state === 'ready' ? readyMenu(demo) : [];

/** For a row of a list, by the state of the demo. */
export function listedButtons(demo: ButtonDemo & { state: DemoState }, config: ButtonRules): CommandButton[] {
  const look = demoButton(demo, 'status');
  switch (demo.state) {
    case 'ready':
      return readyButtons(demo, config);
    case 'paused':
      return pausedButtons(demo, config);
    case 'failed':
      return failedButtons(demo);
    case 'creating':
      return [look, cancelButton(demo), deleteButton(demo)];
    case 'deleting':
      return [look, deleteButton(demo)];
  }
}

import type { CommandName } from '../../../commands/table.js';
import { formatDuration, hours } from '../../../duration.js';
import type { Demo } from '../../../k8s/demo.js';
import type { CommandButton } from '../../../slack-message.js';

/*
 * The buttons of a demo, on its card and wherever else it is shown. Each is a command with its words filled in, so whoever
 * clicks it may do what they may type. It names the host cluster: otherwise some commands would go to the first one.
 */

/** A demo, as a button names it. */
export interface Named {
  name: string;
  /** If there are several. */
  hostCluster?: string | undefined;
}

interface Entry {
  label: string;
  command: CommandName;
  /** What follows the name. */
  words?: string;
  style?: CommandButton['style'];
}

export const button = ({ name, hostCluster }: Named, { label, command, words, style }: Entry): CommandButton => ({
  label,
  value: [command, name, ...(words ? [words] : []), ...(hostCluster ? ['--on', hostCluster] : [])].join(' '),
  ...(style && { style }),
});

/** By how much the button extends a demo. */
const extensionMs = hours(4);

export const extendButton = (demo: Named, longestMs: number): CommandButton =>
  button(demo, { label: 'Extend', command: 'extend', words: formatDuration(Math.min(extensionMs, longestMs)) });

export const cancelButton = (demo: Named): CommandButton => button(demo, { label: 'Cancel', command: 'cancel' });

const logsButton = (demo: Named): CommandButton => button(demo, { label: 'Logs', command: 'logs' });

const statusButton = (demo: Named): CommandButton => button(demo, { label: 'Status', command: 'status' });

const kubeconfigButton = (demo: Named): CommandButton => button(demo, { label: 'Kubeconfig', command: 'kubeconfig' });

const deleteButton = (demo: Named): CommandButton =>
  button(demo, { label: 'Delete', command: 'delete', style: 'danger' });

const resumeButton = (demo: Named): CommandButton =>
  button(demo, { label: 'Resume', command: 'create', style: 'primary' });

export interface ButtonRules {
  hasDashboard: boolean;
  /** The longest life of a demo. */
  longestMs: number;
}

export const readyButtons = (demo: Named, { hasDashboard, longestMs }: ButtonRules): CommandButton[] => [
  button(demo, { label: 'Verify', command: 'verify', style: 'primary' }),
  kubeconfigButton(demo),
  ...(hasDashboard ? [button(demo, { label: 'Dashboard', command: 'dashboard' })] : []),
  extendButton(demo, longestMs),
  deleteButton(demo),
];

/** What the menu of a demo that is ready offers beside the buttons; Slack allows five entries. */
export const readyMenu = (demo: Named): CommandButton[] => [
  button(demo, { label: 'Check every part', command: 'status' }),
  logsButton(demo),
  button(demo, { label: 'Pause', command: 'pause' }),
  button(demo, { label: 'Restore what is missing', command: 'create' }),
  button(demo, { label: 'Replace all keys', command: 'revoke' }),
];

export const pausedButtons = (demo: Named, { longestMs }: Pick<ButtonRules, 'longestMs'>): CommandButton[] => [
  button(demo, { label: 'Resume', command: 'resume', style: 'primary' }),
  extendButton(demo, longestMs),
  deleteButton(demo),
];

export const failedButtons = (demo: Named): CommandButton[] => [
  resumeButton(demo),
  logsButton(demo),
  deleteButton(demo),
];

/** Nothing was created, so there is nothing to resume, read or delete. */
export const emptyButtons = (demo: Named): CommandButton[] => [
  button(demo, { label: 'Try again', command: 'create', style: 'primary' }),
];

export const undeletedButtons = (demo: Named): CommandButton[] => [
  button(demo, { label: 'Delete again', command: 'delete', style: 'danger' }),
  logsButton(demo),
];

export const unrevokedButtons = (demo: Named): CommandButton[] => [
  button(demo, { label: 'Replace again', command: 'revoke', style: 'danger' }),
  button(demo, { label: 'Complete the demo', command: 'create', style: 'primary' }),
  logsButton(demo),
];

/** A create that was cancelled; `left` says what it had made. */
export const cancelledButtons = (demo: Named, left: 'empty' | 'part' | 'ready'): CommandButton[] => {
  if (left === 'empty') return emptyButtons(demo);
  return left === 'part' ? [resumeButton(demo), deleteButton(demo)] : [deleteButton(demo)];
};

/** What one can do with a demo in its state, where many demos are shown. */
export function buttonsFor({ state }: Pick<Demo, 'state'>, demo: Named, rules: ButtonRules): CommandButton[] {
  switch (state) {
    case 'ready':
      return readyButtons(demo, rules);
    case 'paused':
      return pausedButtons(demo, rules);
    case 'failed':
      return failedButtons(demo);
    case 'creating':
      return [statusButton(demo), cancelButton(demo), deleteButton(demo)];
    case 'deleting':
      return [statusButton(demo), deleteButton(demo)];
  }
}

/** For somebody with whom a demo is shared. */
export const sharedButtons = (demo: Named, longestMs: number): CommandButton[] => [
  kubeconfigButton(demo),
  statusButton(demo),
  extendButton(demo, longestMs),
];

/** For the new owner of a demo. */
export const ownerButtons = (demo: Named, longestMs: number): CommandButton[] => [
  kubeconfigButton(demo),
  extendButton(demo, longestMs),
  deleteButton(demo),
];

/** The keys of a demo should be replaced. */
export const replaceButton = (demo: Named): CommandButton =>
  button(demo, { label: 'Replace all keys', command: 'revoke', style: 'danger' });

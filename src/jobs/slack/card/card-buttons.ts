import type { CommandName } from '../../../commands/table.js';
import { formatDuration, hours } from '../../../duration.js';
import type { CommandButton } from '../../../slack-message.js';

/* The buttons of a card. Each is a command with its words filled in, so whoever clicks it may do what they may type. */

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

export interface ButtonRules {
  hasDashboard: boolean;
  /** The longest life of a demo. */
  longestMs: number;
}

export const readyButtons = (demo: Named, { hasDashboard, longestMs }: ButtonRules): CommandButton[] => [
  button(demo, { label: 'Verify', command: 'verify', style: 'primary' }),
  button(demo, { label: 'Kubeconfig', command: 'kubeconfig' }),
  ...(hasDashboard ? [button(demo, { label: 'Dashboard', command: 'dashboard' })] : []),
  extendButton(demo, longestMs),
  button(demo, { label: 'Delete', command: 'delete', style: 'danger' }),
];

/** What the menu of a demo that is ready offers beside the buttons. */
export const readyMenu = (demo: Named): CommandButton[] => [
  button(demo, { label: 'Check every part', command: 'status' }),
  logsButton(demo),
  button(demo, { label: 'What was done with it', command: 'audit' }),
  button(demo, { label: 'Restore what is missing', command: 'create' }),
  button(demo, { label: 'Replace all keys', command: 'revoke' }),
];

export const failedButtons = (demo: Named): CommandButton[] => [
  button(demo, { label: 'Resume', command: 'create', style: 'primary' }),
  logsButton(demo),
  button(demo, { label: 'Delete', command: 'delete', style: 'danger' }),
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

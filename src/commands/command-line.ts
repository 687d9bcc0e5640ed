import type { CommandName } from './table.js';

/* How texts and buttons name a command: with its demo, and with the host cluster that has the demo. */

/** What a command is for. */
export interface CommandTarget {
  /** The demo; undefined for a command that takes none. */
  name?: string | undefined;
  /** Undefined if there is only one: without it a command could act on a demo of the same name elsewhere. */
  hostCluster: string | undefined;
}

/** What a person types after `/vcdemo`: `extend team-a 4h --on us`. */
export const commandWords = (
  { name, hostCluster }: CommandTarget,
  command: CommandName,
  ...words: readonly string[]
): string =>
  [
    command,
    ...(name === undefined ? [] : [name]),
    ...words,
    ...(hostCluster === undefined ? [] : ['--on', hostCluster]),
  ].join(' ');

/** The same as code in a text: `` `/vcdemo extend team-a 4h --on us` ``. */
export const commandLine = (target: CommandTarget, command: CommandName, ...words: readonly string[]): string =>
  `\`/vcdemo ${commandWords(target, command, ...words).replaceAll('`', 'ˋ')}\``;

/** In the command of a button: the person is yet to be chosen, in a form. It is nobody's ID. */
export const personToChoose = '<@U0>';

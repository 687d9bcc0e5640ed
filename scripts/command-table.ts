import { commandNames, commands, usageOf } from '../src/commands/table.js';

/** GitHub ends a cell at every other `|`, also in code. */
const inCell = (text: string) => text.replaceAll('|', '\\|');

/** The commands as a Markdown table, for the README. */
export function commandTable(): string {
  const rows = commandNames.map(
    (name) => `| \`/vcdemo ${inCell(usageOf(name))}\` | ${inCell(commands[name].summary)} |`,
  );
  return ['| command | what it does |', '|---|---|', ...rows].join('\n');
}

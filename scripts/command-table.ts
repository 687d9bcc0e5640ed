import { commandNames, commands, usageOf } from '../src/commands/table.js';

/** The commands as a Markdown table, for the README. */
export function commandTable(): string {
  const rows = commandNames.map((name) => `| \`/vcdemo ${usageOf(name)}\` | ${commands[name].summary} |`);
  return ['| command | what it does |', '|---|---|', ...rows].join('\n');
}

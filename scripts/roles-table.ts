import type { Who } from '../src/access.js';
import { commandsOf } from '../src/commands/table.js';

const rows: Record<Who, string> = {
  viewers: 'everybody, viewers too',
  everybody: 'users, on every demo',
  shared: 'the owner of the demo, and those it is shared with',
  owner: 'the owner of the demo',
  admins: 'administrators alone, who may run all others too',
};

/** Who may run which command, as a Markdown table, for docs/operations.md. */
export const rolesTable = (): string =>
  [
    '| who | commands |',
    '|---|---|',
    ...Object.entries(rows).map(
      ([who, says]) =>
        `| ${says} | ${commandsOf(who as Who)
          .map((name) => `\`${name}\``)
          .join(', ')} |`,
    ),
  ].join('\n');

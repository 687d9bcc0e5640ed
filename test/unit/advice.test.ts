import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseCommand } from '../../src/commands/parse.js';
import { hours } from '../../src/duration.js';

const sources = fileURLToPath(new URL('../../src', import.meta.url));

/** The commands in backticks in a source, with `demo` for every value; not those of one word, or whose name is a value. */
function advisedIn(path: string): { path: string; command: string }[] {
  const text = readFileSync(join(sources, path), 'utf8');
  return [...text.matchAll(/\\?`\/vcdemo(?: ([^`\n]*?))?\\?`/g)]
    .map(([, command = '']) =>
      command.replaceAll(/\$\{formatDuration[^}]*\}/g, '1h').replaceAll(/\$\{[^}]*\}/g, 'demo'),
    )
    .map((command) => command.replaceAll(/@\w+/g, '<@U0BOB>'))
    .filter((command) => command.includes(' ') && !command.startsWith('demo'))
    .map((command) => ({ path, command }));
}

const advised = readdirSync(sources, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .flatMap(advisedIn);

test('the messages advise commands of many kinds', () => {
  const names = new Set(advised.map(({ command }) => command.split(' ')[0]));
  for (const name of ['create', 'delete', 'kubeconfig', 'revoke', 'status', 'verify']) assert.ok(names.has(name), name);
});

for (const [command, path] of new Map(advised.map((each) => [each.command, each.path])))
  test(`the command that a message advises can be typed: ${command} (${path})`, () => {
    parseCommand(command, { maxTtlMs: hours(48), clusters: ['demo', 'other'], isInThread: false });
  });

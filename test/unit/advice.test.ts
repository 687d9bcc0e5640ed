import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseCommand } from '../../src/commands/parse.js';
import { hours } from '../../src/duration.js';

const sources = fileURLToPath(new URL('../../src', import.meta.url));

/** A call of `commandLine`: the target, the command, and its other words. */
const calls = /commandLine\(\s*(\{[^}]*\}|[\w.!()[\]]+), '(\w+)'((?:, (?:'[^']*'|\w+(?:\([^()]*\))?))*)\)/g;

/**
 * The commands that a source advises, in backticks or by a call of `commandLine`, with `demo` for the demo; not those of one
 * word, or whose name is a value.
 */
function advisedIn(path: string): { path: string; command: string }[] {
  const text = readFileSync(join(sources, path), 'utf8');
  const typed = [...text.matchAll(/\\?`\/vcdemo(?: ([^`\n]*?))?\\?`/g)].map(([, command = '']) => command);
  const called = [...text.matchAll(calls)].map(([, target = '', name, words = '']) => {
    const others = [...words.matchAll(/, (?:'([^']*)'|(\w+))/g)].map(
      ([, literal, call]) => literal ?? (call === 'formatDuration' ? '1h' : '@them'),
    );
    return [name, ...(/^\{ hostCluster/.test(target) ? [] : ['demo']), ...others].join(' ');
  });
  return [...typed, ...called]
    .map((command) => command.replaceAll(/\$\{[^}]*\}/g, 'demo'))
    .map((command) => command.replaceAll(/@\w+/g, '<@U0BOB>'))
    .filter((command) => command.includes(' ') && !command.startsWith('demo'))
    .map((command) => ({ path, command }));
}

const advised = readdirSync(sources, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && path !== 'commands/command-line.ts') // it writes the commands of all others
  .flatMap(advisedIn);

test('the messages advise commands of many kinds', () => {
  const names = new Set(advised.map(({ command }) => command.split(' ')[0]));
  for (const name of ['create', 'delete', 'kubeconfig', 'revoke', 'status', 'verify']) assert.ok(names.has(name), name);
});

for (const [command, path] of new Map(advised.map((each) => [each.command, each.path])))
  test(`the command that a message advises can be typed: ${command} (${path})`, () => {
    parseCommand(command, { maxTtlMs: hours(48), clusters: ['demo', 'other'], isInThread: false });
  });

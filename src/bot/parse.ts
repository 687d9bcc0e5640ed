import { closest, distance } from 'fastest-levenshtein';
import { demoName } from '../jobs/definitions.js';
import { formatDuration, parseDuration } from '../duration.js';
import { UserError } from '../errors.js';
import { commands, defaultDemo, defaultRequests, type Command, type CommandName, type FlagName } from './commands.js';

/** A command line that was understood. */
export type ParsedCommand =
  | { command: 'help'; topic?: CommandName }
  | { command: 'list' }
  | { command: 'create'; demo: string; ttlMs?: number }
  | { command: 'verify'; demo: string; requests: number }
  | { command: 'kubeconfig' | 'status' | 'dashboard' | 'delete'; demo: string };

/**
 * Understands what was typed after `/vcdemo`.
 * @throws UserError that names the problem, the closest match and the usage.
 */
export function parseCommand(text: string, { maxTtlMs }: { maxTtlMs: number }): ParsedCommand {
  // Slack clients on phones and Macs turn two hyphens into a dash.
  const words = text
    .replace(/(^|\s)[—–](?=\w)/g, '$1--')
    .trim()
    .split(/\s+/)
    .filter(Boolean);
  const [name = 'help', ...rest] = words;
  const command = commandNamed(name);
  if (command === 'help') return parseHelp(rest);
  const { positional, flags } = splitFlags(command, rest);
  const definition: Command = commands[command];
  const expected = definition.demo === 'none' ? 0 : 1;
  if (positional.length > expected)
    throw usageError(command, 'unexpected-argument', `\`${command}\` does not take "${shown(positional[expected]!)}".`);
  if (command === 'list') return { command };
  if (definition.demo === 'required' && positional[0] === undefined)
    throw usageError(command, 'name-missing', `\`${command}\` needs the name of a demo.`);
  const demo = parseDemoName(command, positional[0] ?? defaultDemo);
  if (command === 'create') {
    const ttl = flags.get('--ttl');
    return ttl === undefined ? { command, demo } : { command, demo, ttlMs: parseTtl(ttl, maxTtlMs) };
  }
  if (command === 'verify') return { command, demo, requests: parseRequests(flags.get('--requests')) };
  return { command, demo };
}

function parseHelp([topic, surplus]: string[]): ParsedCommand {
  if (surplus !== undefined)
    throw usageError('help', 'unexpected-argument', `\`help\` does not take "${shown(surplus)}".`);
  return topic === undefined ? { command: 'help' } : { command: 'help', topic: commandNamed(topic) };
}

function commandNamed(word: string): CommandName {
  // Phones begin a message with a capital.
  const name = word.toLowerCase();
  if (Object.hasOwn(commands, name)) return name as CommandName;
  const names = Object.keys(commands);
  throw new UserError('unknown-command', `There is no command "${shown(word)}".${suggestion(name, names)}`, {
    hint: `Commands: ${names.map((known) => `\`${known}\``).join(', ')}. \`/vcdemo help\` explains them.`,
  });
}

function splitFlags(command: CommandName, words: string[]) {
  const known: readonly FlagName[] = (commands[command] as Command).flags ?? [];
  const positional: string[] = [];
  const flags = new Map<FlagName, string>();
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    if (!word.startsWith('-')) {
      positional.push(word);
      continue;
    }
    const [flag = '', inline] = word.split('=', 2);
    if (!known.includes(flag as FlagName))
      throw usageError(
        command,
        'unknown-flag',
        `\`${command}\` has no flag "${shown(flag)}".${suggestion(flag, known)}`,
      );
    if (flags.has(flag as FlagName)) throw usageError(command, 'flag-twice', `\`${flag}\` was given twice.`);
    const value = inline ?? words[++index];
    if (value === undefined || value === '')
      throw usageError(command, 'flag-value-missing', `\`${flag}\` needs a value.`);
    flags.set(flag as FlagName, value);
  }
  return { positional, flags };
}

function parseDemoName(command: CommandName, name: string): string {
  if (demoName.safeParse(name).success) return name;
  throw usageError(
    command,
    'bad-name',
    `"${shown(name)}" cannot be the name of a demo: use at most 20 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen.`,
  );
}

function parseTtl(text: string, maxTtlMs: number): number {
  const ttlMs = parseDuration(text);
  const limits = `between 10m and ${formatDuration(maxTtlMs)}`;
  if (ttlMs === undefined)
    throw usageError(
      'create',
      'bad-ttl',
      `"${shown(text)}" is not a time to live: use something like 90m, 8h or 2d, ${limits}.`,
    );
  if (ttlMs < minTtlMs || ttlMs > maxTtlMs)
    throw usageError(
      'create',
      'bad-ttl',
      `A time to live of ${formatDuration(ttlMs)} is not possible here: it must be ${limits}.`,
    );
  return ttlMs;
}

/** Kubernetes issues no client certificate for less. */
const minTtlMs = 600_000;

function parseRequests(text: string = String(defaultRequests)): number {
  const requests = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (requests < 1 || requests > 200)
    throw usageError('verify', 'bad-requests', `"${shown(text)}" is not a number of requests between 1 and 200.`);
  return requests;
}

function usageError(command: CommandName, code: string, message: string): UserError {
  const { usage, example } = commands[command];
  return new UserError(code, message, { hint: `Usage: \`/vcdemo ${usage}\`, for example \`/vcdemo ${example}\`.` });
}

function suggestion(word: string, known: readonly string[]): string {
  if (known.length === 0) return '';
  const match = closest(word, known);
  return distance(word, match) <= Math.max(2, Math.floor(match.length / 2)) ? ` Did you mean \`${match}\`?` : '';
}

/** What somebody typed, short enough for a reply. */
function shown(word: string): string {
  return word.length > 40 ? `${word.slice(0, 40)}…` : word;
}

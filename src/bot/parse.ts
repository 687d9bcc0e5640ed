import { closest, distance } from 'fastest-levenshtein';
import { demoName } from '../jobs/definitions.js';
import { shortestTtlMs } from '../config.js';
import { formatDuration, parseDuration } from '../duration.js';
import { UserError } from '../errors.js';
import {
  commands,
  defaultDemo,
  defaultRequests,
  usageOf,
  type Command,
  type CommandName,
  type FlagName,
} from './commands.js';

/** A command line that was understood; `on` is the host cluster that it names. */
export type ParsedCommand =
  | { command: 'help'; topic?: CommandName }
  | ({ on?: string } & (
      | { command: 'list' }
      | { command: 'create'; demo: string; ttlMs?: number }
      | { command: 'verify'; demo: string; requests: number }
      | { command: 'kubeconfig' | 'status' | 'dashboard' | 'delete'; demo: string }
    ));

export interface ParseOptions {
  maxTtlMs: number;
  /** The host clusters that can be named; none where there is but one. */
  clusters: readonly string[];
}

/**
 * Understands what was typed after `/vcdemo`.
 * @throws UserError that names the problem, the closest match and the usage.
 */
export function parseCommand(text: string, { maxTtlMs, clusters }: ParseOptions): ParsedCommand {
  // Slack clients on phones and Macs turn two hyphens into a dash.
  const words = text
    .replace(/(^|\s)[—–](?=\w)/g, '$1--')
    .trim()
    .split(/\s+/)
    .filter(Boolean);
  const [name = 'help', ...rest] = words;
  const command = commandNamed(name);
  const refusal: Refusal = (code, message) => usageError(usageOf(command, clusters), command, code, message);
  if (command === 'help') return parseHelp(rest, refusal);
  const { positional, flags } = splitFlags(command, rest, refusal);
  const definition: Command = commands[command];
  const expected = definition.demo === 'none' ? 0 : 1;
  if (positional.length > expected)
    throw refusal('unexpected-argument', `\`${command}\` does not take "${shown(positional[expected]!)}".`);
  const on = parseHostCluster(flags.get('--on'), clusters, refusal);
  if (command === 'list') return { command, ...on };
  if (definition.demo === 'required' && positional[0] === undefined)
    throw refusal('name-missing', `\`${command}\` needs the name of a demo.`);
  const demo = parseDemoName(positional[0] ?? defaultDemo, refusal);
  if (command === 'create') {
    const ttl = flags.get('--ttl');
    return { command, demo, ...on, ...(ttl !== undefined && { ttlMs: parseTtl(ttl, maxTtlMs, refusal) }) };
  }
  if (command === 'verify') return { command, demo, ...on, requests: parseRequests(flags.get('--requests'), refusal) };
  return { command, demo, ...on };
}

/** Makes the error that says how the command at hand is written. */
type Refusal = (code: string, message: string) => UserError;

function parseHelp([topic, surplus]: string[], refusal: Refusal): ParsedCommand {
  if (surplus !== undefined) throw refusal('unexpected-argument', `\`help\` does not take "${shown(surplus)}".`);
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

function splitFlags(command: CommandName, words: string[], refusal: Refusal) {
  const known: readonly FlagName[] = [...((commands[command] as Command).flags ?? []), '--on'];
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
      throw refusal('unknown-flag', `\`${command}\` has no flag "${shown(flag)}".${suggestion(flag, known)}`);
    if (flags.has(flag as FlagName)) throw refusal('flag-twice', `\`${flag}\` was given twice.`);
    const value = inline ?? words[++index];
    if (value === undefined || value === '') throw refusal('flag-value-missing', `\`${flag}\` needs a value.`);
    flags.set(flag as FlagName, value);
  }
  return { positional, flags };
}

function parseHostCluster(name: string | undefined, clusters: readonly string[], refusal: Refusal): { on?: string } {
  if (name === undefined) return {};
  if (clusters.includes(name)) return { on: name };
  throw refusal(
    'unknown-cluster',
    clusters.length === 0
      ? 'There is but one host cluster here: leave `--on` out.'
      : `There is no host cluster "${shown(name)}", only ${clusters.join(', ')}.${suggestion(name, clusters)}`,
  );
}

function parseDemoName(name: string, refusal: Refusal): string {
  if (demoName.safeParse(name).success) return name;
  throw refusal(
    'bad-name',
    `"${shown(name)}" cannot be the name of a demo: use at most 20 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen.`,
  );
}

function parseTtl(text: string, maxTtlMs: number, refusal: Refusal): number {
  const ttlMs = parseDuration(text);
  const limits = `between ${formatDuration(shortestTtlMs)} and ${formatDuration(maxTtlMs)}`;
  if (ttlMs === undefined)
    throw refusal('bad-ttl', `"${shown(text)}" is not a time to live: use something like 90m, 8h or 2d, ${limits}.`);
  if (ttlMs < shortestTtlMs || ttlMs > maxTtlMs)
    throw refusal('bad-ttl', `A time to live of ${formatDuration(ttlMs)} is not possible here: it must be ${limits}.`);
  return ttlMs;
}

function parseRequests(text: string = String(defaultRequests), refusal: Refusal): number {
  const requests = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (requests < 1 || requests > 200)
    throw refusal('bad-requests', `"${shown(text)}" is not a number of requests between 1 and 200.`);
  return requests;
}

function usageError(usage: string, command: CommandName, code: string, message: string): UserError {
  const { example } = commands[command];
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

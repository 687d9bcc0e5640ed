import { messageOf, Refusal } from '../errors.js';
import { suggestion } from '../suggestion.js';
import type { Command, Limits } from './command.js';
import { shown } from './flags.js';
import { normaliseCommandText, splitWords } from './normalise.js';
import { demoName } from './payload.js';
import { commandNames, commands, defaultDemo, isCommandName, usageOf, type CommandName } from './table.js';

/** A command line that was parsed. */
export interface ParsedCommand {
  name: CommandName;
  /** Undefined if the command takes none. */
  demo?: string;
  /** Slack ID of the named person. */
  person?: string;
  /** The host cluster named by `--on`. */
  on?: string;
  /** The values of its flags, keyed by field of the payload. */
  flags: Record<string, unknown>;
  /** For `help create`: the command to explain. */
  topic?: CommandName;
}

export interface ParseOptions extends Limits {
  /** The host clusters that can be named; empty if there is only one. */
  clusters: readonly string[];
}

/**
 * Parses what was typed after `/vcdemo`.
 * @throws Refusal that names the problem, the closest match and the usage.
 */
export function parseCommand(text: string, { clusters, ...limits }: ParseOptions): ParsedCommand {
  const [first = 'help', ...rest] = splitWords(normaliseCommandText(text));
  const name = commandNamed(first);
  const command: Command = commands[name];
  const refuse: Refuse = (code, message) => usageError(name, clusters, code, message);
  if (name === 'help') return parseHelp(rest, refuse);
  const { positional: words, values } = splitFlags(name, rest, refuse);
  const { positional, person } = command.person ? splitPerson(words, refuse) : { positional: words };
  const expected = command.demo === 'none' ? 0 : 1;
  const unexpected = positional[expected];
  if (unexpected !== undefined)
    throw refuse('unexpected-argument', `\`${name}\` does not take "${shown(unexpected)}".`);
  if (command.demo === 'required' && positional[0] === undefined)
    throw refuse('name-missing', `\`${name}\` needs the name of a demo.`);
  return {
    name,
    ...(command.demo !== 'none' && { demo: parseDemoName(positional[0] ?? defaultDemo, refuse) }),
    ...(person !== undefined && { person }),
    ...parseHostCluster(values.get('--on'), clusters, refuse),
    flags: parseFlags(command, values, limits, refuse),
  };
}

/** Creates the error that shows the usage of the command. */
type Refuse = (code: string, message: string) => Refusal;

function parseHelp([topic, surplus]: string[], refuse: Refuse): ParsedCommand {
  if (surplus !== undefined) throw refuse('unexpected-argument', `\`help\` does not take "${shown(surplus)}".`);
  return { name: 'help', flags: {}, ...(topic !== undefined && { topic: commandNamed(topic) }) };
}

function commandNamed(word: string): CommandName {
  // Phones begin a message with a capital.
  const name = word.toLowerCase();
  if (isCommandName(name)) return name;
  throw new Refusal('unknown-command', `There is no command "${shown(word)}".${suggestion(name, commandNames)}`, {
    hint: `Commands: ${commandNames.map((known) => `\`${known}\``).join(', ')}. \`/vcdemo help\` explains them.`,
  });
}

function splitFlags(name: CommandName, words: string[], refuse: Refuse) {
  const { flags }: Command = commands[name];
  const known = [...Object.values(flags).map((flag) => flag.name), '--on'];
  const positional: string[] = [];
  const values = new Map<string, string>();
  const rest = words.values();
  for (const word of rest) {
    if (!word.startsWith('-')) {
      positional.push(word);
      continue;
    }
    const [, flag = word, inline] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
    if (!known.includes(flag))
      throw refuse('unknown-flag', `\`${name}\` has no flag "${shown(flag)}".${suggestion(flag, known)}`);
    if (values.has(flag)) throw refuse('flag-twice', `\`${flag}\` was given twice.`);
    const value = inline ?? rest.next().value;
    if (value === undefined || value === '') throw refuse('flag-value-missing', `\`${flag}\` needs a value.`);
    values.set(flag, value);
  }
  return { positional, values };
}

function splitPerson(words: readonly string[], refuse: Refuse): { positional: string[]; person?: string } {
  const isPerson = (word: string) => /^<?@/.test(word);
  const people = words.filter(isPerson);
  const positional = words.filter((word) => !isPerson(word));
  if (people.length > 1) throw refuse('several-people', 'Name one person at a time.');
  const [named] = people;
  if (named === undefined) return { positional };
  const person = /^<@([UW][A-Z0-9]+)>$/.exec(named)?.[1];
  if (person === undefined)
    throw refuse(
      'unknown-person',
      `Slack did not recognise "${shown(named)}" as a person: pick them from the list that opens when you type @.`,
    );
  return { positional, person };
}

function parseFlags({ flags }: Command, values: Map<string, string>, limits: Limits, refuse: Refuse) {
  const parsed: Record<string, unknown> = {};
  for (const [field, flag] of Object.entries(flags)) {
    const text = values.get(flag.name);
    if (text === undefined) continue;
    try {
      parsed[field] = flag.parse(text, limits);
    } catch (error) {
      throw refuse(`bad-${flag.name.slice(2)}`, messageOf(error));
    }
  }
  return parsed;
}

function parseHostCluster(name: string | undefined, clusters: readonly string[], refuse: Refuse): { on?: string } {
  if (name === undefined) return {};
  if (clusters.includes(name)) return { on: name };
  throw refuse(
    'unknown-cluster',
    clusters.length === 0
      ? 'There is only one host cluster here: leave out `--on`.'
      : `There is no host cluster "${shown(name)}", only ${clusters.join(', ')}.${suggestion(name, clusters)}`,
  );
}

function parseDemoName(name: string, refuse: Refuse): string {
  if (demoName.safeParse(name).success) return name;
  throw refuse(
    'bad-name',
    `"${shown(name)}" cannot be the name of a demo: use at most 20 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen.`,
  );
}

function usageError(name: CommandName, clusters: readonly string[], code: string, message: string): Refusal {
  return new Refusal(code, message, {
    hint: `Usage: \`/vcdemo ${usageOf(name, clusters)}\`, for example \`/vcdemo ${commands[name].example}\`.`,
  });
}

import { messageOf, Refusal } from '../errors.js';
import { suggestion } from '../suggestion.js';
import type { Command, Flag, Limits, Word } from './command.js';
import { shown } from './flags.js';
import { bareWord, normaliseCommandText, splitWords } from './normalise.js';
import { demoName, isPairName } from './payload.js';
import {
  commandNames,
  commands,
  defaultDemo,
  isCommandName,
  usageOf,
  type CommandName,
  type HelpTopic,
} from './table.js';
import { helpTopics, isTopic } from './topics.js';

/** A command line that was parsed. */
export interface ParsedCommand {
  name: CommandName;
  /** Undefined if the command takes none. */
  demo?: string;
  /** No demo was named, and the command finds one: `create` a free name, `cancel` what the person created last. */
  isUnnamed?: true;
  /** Slack ID of the named person. */
  person?: string;
  /** Slack ID of the named person, user group or channel. */
  audience?: string;
  /** The host cluster named by `--on`. */
  on?: string;
  /** The values of its flags and words, keyed by field of the payload. */
  flags: Record<string, unknown>;
  /** No demo was named in a thread: the one whose card is above is meant. */
  ofThread?: true;
  /** For `help create`: what to explain. */
  topic?: HelpTopic;
}

export interface ParseOptions extends Limits {
  /** The host clusters that can be named; empty if there is only one. */
  clusters: readonly string[];
  /** It was written under a message. */
  isInThread?: boolean;
}

/**
 * Parses what was typed after `/vcdemo`.
 * @throws Refusal that names the problem, the closest match and the usage.
 */
export function parseCommand(text: string, { clusters, isInThread = false, ...limits }: ParseOptions): ParsedCommand {
  const [first = 'help', ...typed] = wordsIn(text);
  const name = commandNamed(bareWord(first));
  const command: Command = commands[name];
  const rest = hasSentence(command) ? typed : typed.map(bareWord);
  const refuse: Refuse = (code, message) => usageError(name, clusters, code, message);
  if (name === 'help') return parseHelp(rest, refuse);
  const { positional, values } = splitFlags(name, rest, refuse);
  const { mentioned, others } = splitMention(command, positional, refuse);
  const isNamed = command.demo !== 'none' && !(isInThread && isWordOf(command, others[0]));
  const demo = isNamed ? others[0] : undefined;
  if (name === 'create' && demo !== undefined && isPairName(demo))
    throw refuse('reserved-name', 'Names that begin with `pool-` are reserved for warm pairs: choose another name.');
  const words = isNamed ? others.slice(1) : others;
  const ofThread = isInThread && command.demo !== 'none' && demo === undefined;
  if (command.demo === 'required' && demo === undefined && !ofThread)
    throw refuse('name-missing', `\`${name}\` needs the name of a demo.`);
  const parsedWords = parseWords(name, words, limits, refuse);
  return {
    name,
    ...(command.demo !== 'none' && { demo: parseDemoName(demo ?? defaultDemo, refuse) }),
    ...(command.demo === 'any' && demo === undefined && { isUnnamed: true as const }),
    ...(ofThread && { ofThread }),
    ...mentioned,
    ...parseHostCluster(values.get('--on'), clusters, refuse),
    flags: { ...parsedWords, ...parseFlags(command, values, limits, refuse) },
  };
}

/** The whole may stand in quotes. */
function wordsIn(text: string): string[] {
  const words = splitWords(normaliseCommandText(text));
  const [only] = words;
  return words.length === 1 && only !== undefined ? splitWords(only) : words;
}

/** Whether it takes a text in a person's own words, with punctuation. */
const hasSentence = ({ words = {} }: Command): boolean => Object.values(words).some(({ isRest }) => isRest);

/** Creates the error that shows the usage of the command. */
type Refuse = (code: string, message: string) => Refusal;

function parseHelp([topic, surplus]: string[], refuse: Refuse): ParsedCommand {
  if (surplus !== undefined) throw refuse('unexpected-argument', `\`help\` does not take "${shown(surplus)}".`);
  return { name: 'help', flags: {}, ...(topic !== undefined && { topic: topicNamed(topic) }) };
}

function topicNamed(word: string): HelpTopic {
  const name = word.toLowerCase();
  if (isTopic(name) || isCommandName(name)) return name;
  const known = [...commandNames, ...Object.keys(helpTopics)];
  throw new Refusal('unknown-topic', `There is no help on "${shown(word)}".${suggestion(name, known)}`, {
    hint: `Topics: ${Object.keys(helpTopics)
      .map((topic) => `\`${topic}\``)
      .join(', ')}, and every command.`,
  });
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
  const all = Object.values(flags);
  const known = [...all.map((flag) => flag.name), '--on'];
  const positional: string[] = [];
  const values = new Map<string, string>();
  const rest = words.values();
  for (const word of rest) {
    // A dash on its own is one of a sentence.
    if (!/^-+\p{L}/u.test(word)) {
      positional.push(word);
      continue;
    }
    const [, written = word, inline] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
    const flag = written.toLowerCase();
    if (!known.includes(flag))
      throw refuse('unknown-flag', `\`${name}\` has no flag "${shown(written)}".${suggestion(flag, shownIn(all))}`);
    if (values.has(flag)) throw refuse('flag-twice', `\`${flag}\` was given twice.`);
    if (all.some(({ name, isSwitch }) => isSwitch && name === flag)) {
      if (inline !== undefined) throw refuse('flag-value-unexpected', `\`${flag}\` takes no value.`);
      values.set(flag, '');
      continue;
    }
    const value = inline ?? rest.next().value;
    if (value === undefined || value === '') throw refuse('flag-value-missing', `\`${flag}\` needs a value.`);
    values.set(flag, value);
  }
  return { positional, values };
}

const shownIn = (flags: readonly Flag<unknown>[]): string[] => [
  ...flags.filter(({ isHidden }) => !isHidden).map(({ name }) => name),
  '--on',
];

/** What may be mentioned, by the form in which Slack writes it. */
const mentionForms = {
  person: { pattern: /^<@([UW][A-Z0-9]{1,20})>$/, typed: /^<?@/ },
  audience: { pattern: /^<(?:@|#|!subteam\^)([UWCGS][A-Z0-9]{1,20})>$/, typed: /^(?:<?[@#]|<!subteam\^)/ },
} as const;

/** Separates the mention of a person, user group or channel from the other words; it may be anywhere. */
function splitMention(
  { person, audience }: Command,
  words: readonly string[],
  refuse: Refuse,
): { mentioned: { person?: string; audience?: string }; others: string[] } {
  if (!person && !audience) return { mentioned: {}, others: [...words] };
  const [field, whom, presence] = audience
    ? (['audience', 'a person, a user group or a channel', audience] as const)
    : (['person', 'a person', person] as const);
  const { pattern, typed } = mentionForms[field];
  const [named, second] = words.filter((word) => typed.test(word));
  const others = words.filter((word) => !typed.test(word));
  if (second !== undefined)
    throw refuse('several-people', field === 'person' ? 'Name one person at a time.' : `Name ${whom}, one at a time.`);
  if (named === undefined) {
    if (presence === 'required') throw refuse('person-missing', `Name ${whom}, as in the example.`);
    return { mentioned: {}, others };
  }
  const id = pattern.exec(named)?.[1];
  if (id === undefined)
    throw refuse(
      'unknown-person',
      `Slack did not recognise "${shown(named)}" as ${whom}: pick ${field === 'person' ? 'them' : 'it'} from the list that opens when you type ${named.includes('#') ? '#' : '@'}.`,
    );
  return { mentioned: { [field]: id }, others };
}

/** Whether it is a word after the name of a demo, not a name: where the name may be left out, as in `extend 4h`. */
const isWordOf = ({ words = {} }: Command, typed: string | undefined): boolean =>
  typed !== undefined &&
  Object.values(words).some(({ values, isRest }) =>
    values ? values.includes(typed.toLowerCase()) : !isRest && !demoName.safeParse(typed).success,
  );

function parseWords(name: CommandName, words: readonly string[], limits: Limits, refuse: Refuse) {
  const { words: expected = {} }: Command = commands[name];
  const parsed: Record<string, unknown> = {};
  const left = [...words];
  // Words that are told apart by their values may be in any order, unless a text follows.
  const isOrdered = hasSentence(commands[name]);
  for (const [field, word] of Object.entries(expected)) {
    const at = word.values === undefined || isOrdered ? 0 : left.findIndex((typed) => isValue(word, typed));
    const next = left[at];
    if (next === undefined) {
      if (!word.isOptional) throw refuse('word-missing', `\`${name}\` needs ${word.what}.`);
      continue;
    }
    if (word.isOptional && !isValue(word, next)) continue;
    const typed = word.isRest ? left.join(' ') : next;
    left.splice(at, word.isRest ? left.length : 1);
    parsed[field] = parseValue('value', () => word.parse(typed, limits), refuse);
  }
  const [unexpected] = left;
  if (unexpected === undefined) return parsed;
  const values = Object.values(expected).flatMap((word) => word.values ?? []);
  throw refuse(
    'unexpected-argument',
    `\`${name}\` does not take "${shown(unexpected)}".${suggestion(unexpected, values)}`,
  );
}

/** Any text is, unless the word has values. */
const isValue = ({ values }: Word<unknown>, typed: string): boolean => values?.includes(typed.toLowerCase()) ?? true;

function parseValue(what: string, parse: () => unknown, refuse: Refuse): unknown {
  try {
    return parse();
  } catch (error) {
    throw refuse(`bad-${what}`, messageOf(error));
  }
}

function parseFlags({ flags }: Command, values: Map<string, string>, limits: Limits, refuse: Refuse) {
  const parsed: Record<string, unknown> = {};
  for (const [field, flag] of Object.entries(flags)) {
    const text = values.get(flag.name);
    if (text === undefined) continue;
    parsed[field] = parseValue(flag.name.slice(2), () => flag.parse(text, limits), refuse);
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

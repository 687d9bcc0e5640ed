import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { inSections } from '../../src/slack/new-blocks.js';
import type { SlackMessage } from '../../src/slack-message.js';
import { everyMessage, type Content, type Shown } from '../support/every-message.js';
import { randomFrom } from '../support/random.js';
import { problemsOfMessage, problemsOfView } from '../support/slack-limits.js';

/* Whatever people and clusters write, and however much of it there is, Slack accepts every message, and nobody is mentioned. */

const rounds = 60;

const odd = [
  ...[
    '<!channel>',
    '<!here|here>',
    '<@U666>',
    '<#C666>',
    '<!subteam^S666>',
    '<https://evil.example|vcdemo>',
    '<!date^0^{date}|x>',
  ],
  ...['&', '&amp;', '&lt;!channel&gt;', '<', '>', '`', '```', '*', '_', '~', '"', "'", '\\', '|', ':tada:'],
  ...['\n', '\n\n\n', '\r\n', '\t', ' ', '\u0000', '\u202e', '\u200b', '\ufeff'],
  ...['😀', '👩‍👩‍👧‍👦', '🏳️‍🌈', '𝕍', 'é', 'ß', '日本語', 'עברית'],
  ...['pod "x" is forbidden: exceeded quota', '{"kind":"Status"}', 'https://a.example/?q=1&r=2', '--on', '\u001b[31m'],
];

const loneSurrogate = /\p{Surrogate}/gu;

/** Content that has everything in it, from a seed. */
function contentOf(seed: number): Content {
  const random = randomFrom(seed);
  const below = (most: number) => Math.floor(random() * most);
  const pick = <Item>(from: readonly Item[]): Item => from[below(from.length)]!;
  const repeated = (length: number) => {
    const unit = Array.from({ length: 1 + below(4) }, () => pick(odd)).join('');
    return unit
      .repeat(Math.ceil(length / unit.length))
      .slice(0, length)
      .replace(loneSurrogate, '');
  };
  const text = () =>
    pick([
      () => '',
      () => pick(odd),
      () => Array.from({ length: below(40) }, () => pick(odd)).join(pick(['', ' '])),
      () => repeated(pick([100, 160, 300, 700, 2_900, 3_001])),
      () => repeated(pick([5_000, 60_000])),
    ])();
  const texts = Array.from({ length: 12 }, text);
  return {
    pick,
    text: () => pick(texts),
    name: () => pick(['a', 'team-a', 'a'.repeat(20), `${'a-b'.repeat(6)}-0`]),
    person: () => pick(['U0A', `W${'Z'.repeat(20)}`, '']),
    list: (make) => Array.from({ length: pick([0, 1, 2, 3, 8, 30]) }, make),
    many: (make) => Array.from({ length: pick([0, 1, 9, 60, 101, 150]) }, make),
    count: () => pick([0, 1, 12, 1000, 123_456_789]),
  };
}

/** The same as workspaces see it that do not have the new blocks. */
const withoutNewBlocks = (shown: Shown): Shown => {
  if ('blocks' in shown) return inSections(shown, () => true);
  return 'home' in shown ? { home: inSections({ blocks: shown.home }, () => true).blocks } : shown;
};

function problemsOf(shown: Shown): string[] {
  const limits =
    'blocks' in shown
      ? problemsOfMessage(shown)
      : problemsOfView('home' in shown ? { type: 'home', blocks: shown.home } : { ...shown.modal });
  return [...limits, ...problemsOfTexts(shown)];
}

/** Our own mentions and times; people's IDs are those of `person`. */
const intended = /<@(?:U0A|WZ{20})>|<#C0A>|<!subteam\^S0A>|<!date\^\d+\^\{date_short_pretty\} \{time\}\|[-: \d]+ UTC>/g;

/** What Slack would parse, and characters that were cut in two. */
function problemsOfTexts(shown: Shown): string[] {
  const problems: string[] = [];
  const look = (key: string, value: unknown, isParsed: boolean) => {
    if (typeof value !== 'string') return;
    if (value.search(loneSurrogate) >= 0) problems.push(`${key} has half a character`);
    if (!isParsed) return;
    if (value.replace(intended, '').includes('<')) problems.push(`${key} has a live mention or link: ${around(value)}`);
    if (/&(?!amp;|lt;|gt;)/.test(value)) problems.push(`${key} has half an entity`);
  };
  if ('text' in shown) look('text', shown.text, true);
  JSON.stringify(shown, function (this: Record<string, unknown>, key: string, value: unknown) {
    if (key !== '') look(key, value, key === 'text' && this.type === 'mrkdwn');
    return value;
  });
  return problems;
}

const around = (text: string) => /.{0,30}<.{0,30}/s.exec(text.replace(intended, ''))?.[0] ?? '';

describe('Slack accepts, whatever it is about, and nobody is mentioned by', () => {
  for (const what of Object.keys(everyMessage(contentOf(0))))
    test(what, () => {
      for (let seed = 1; seed <= rounds; seed++) {
        const shown = everyMessage(contentOf(seed))[what]!();
        for (const [how, each] of [
          ['', shown],
          [', in sections', withoutNewBlocks(shown)],
        ] as const)
          assert.deepEqual(problemsOf(each), [], `with seed ${seed}${how}: ${JSON.stringify(each).slice(0, 600)}`);
      }
    });
});

/** Parts of messages, which are tested as parts of them. */
const parts = [
  ...['buttonRows', 'message', 'messageOfParagraphs', 'sections', 'sectionsOf', 'demoBlocks', 'poolBlocks'],
  ...['overview', 'topicReply', 'commandReply', 'textOnly'],
];

test('every function of the source that makes a message or a view is among those that are tested', () => {
  const root = new URL('../../src/', import.meta.url);
  const maker =
    /^(?:export )?(?:const|function) (\w+)(?: = )?\((?:(?!^[^\s)])[^])*?\): (?:SlackMessage(?:\[\])?|ModalView|(?:Message|Known)Block\[\]) (?:=>|\{)/gm;
  const makers = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => [...readFileSync(new URL(path, root), 'utf8').matchAll(maker)].map(([, name = '']) => name));
  assert.ok(makers.includes('poolMessage') && makers.includes('reminderMessage'), makers.join(', '));
  const tested = readFileSync(new URL('../support/every-message.ts', import.meta.url), 'utf8');
  const missing = makers.filter((name) => !parts.includes(name) && !new RegExp(`\\b${name}\\b`).test(tested));
  assert.deepEqual(missing, []);
});

test('what the check of limits would find, it finds', () => {
  const blocks = [{ type: 'section', text: { type: 'mrkdwn', text: `<!channel>${'x'.repeat(3_000)}` } }];
  const shown = { text: 'a &am', blocks } as unknown as SlackMessage;
  assert.equal(problemsOf(shown).length, 3);
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { joinWords, normaliseCommandText, splitWords } from '../../../src/commands/normalise.js';

const wordsOf = (text: string) => splitWords(normaliseCommandText(text));
const plain = ['create', 'team-a', '--ttl', '8h'];

describe('a command that was typed on a phone or a Mac', () => {
  const cases: [what: string, text: string][] = [
    ['with the dash that is made of two hyphens', 'create team-a —ttl 8h'],
    ['with a shorter dash in its place', 'create team-a –ttl 8h'],
    ['with a dash and a hyphen', 'create team-a –-ttl 8h'],
    ['with two dashes', 'create team-a ——ttl 8h'],
    ['with two hyphens that do not break', 'create team-a \u2011\u2011ttl 8h'],
    ['with two minus signs', 'create team-a −−ttl 8h'],
    ['with spaces that do not break', 'create\u00a0team-a\u202f--ttl\u20078h'],
    ['with ideographic spaces and full-width letters', 'ｃｒｅａｔｅ　ｔｅａｍ－ａ　－－ｔｔｌ　８ｈ'],
    ['with line breaks and tabs', '\tcreate\r\nteam-a\u2028--ttl\n8h\n'],
    ['with zero-width characters', '\ufeffcre\u200bate te\u200dam\u2060-a --\u200cttl 8\u00adh\u200e'],
    ['with marks of direction', '\u202acreate\u202c \u2066team-a\u2069 --ttl 8h\u200f'],
    ['with control characters', 'create\u0000 team-a\u0007 --ttl 8h\u007f'],
    ['with a variation selector', 'create team-a\ufe0f --ttl 8h'],
    ['with the whole in backticks', '`create team-a --ttl 8h`'],
    ['with the whole in three backticks', '```create team-a --ttl 8h```'],
    ['with words in backticks', 'create `team-a` `--ttl` `8h`'],
    ['with a backtick and an accent', 'create `team-a´ --ttl 8h'],
    ['with words in curly quotes', 'create “team-a” ‘--ttl’ „8h“'],
    ['with a dash in curly quotes', 'create “team-a” “—ttl” «8h»'],
    ['with words in straight quotes', `create "team-a" --ttl '8h'`],
    ['with the links that Slack makes', 'create <http://team-a|team-a> --ttl <https://8h|8h>'],
  ];
  for (const [what, text] of cases) test(`is understood ${what}`, () => assert.deepEqual(wordsOf(text), plain));

  for (const dash of '‐‑‒–—―−﹣－⁃')
    test(`has a hyphen for the dash U+${dash.codePointAt(0)!.toString(16)} in a name`, () =>
      assert.deepEqual(wordsOf(`status team${dash}a`), ['status', 'team-a']));

  test('keeps a single hyphen and a negative number as they are', () =>
    assert.deepEqual(wordsOf('verify -x –8 -8'), ['verify', '-x', '-8', '-8']));
  test('keeps non-ASCII letters', () => assert.deepEqual(wordsOf('status A\u0308rger'), ['status', 'Ärger']));
});

describe("Slack's own forms", () => {
  test('for people and channels are reduced to their IDs', () =>
    assert.deepEqual(wordsOf('revoke team-a <@U0ALICE|alice> <@W0BOB> <#C0DEMOS|> <#C0DEMOS|demos>'), [
      ...['revoke', 'team-a', '<@U0ALICE>', '<@W0BOB>', '<#C0DEMOS>', '<#C0DEMOS>'],
    ]));
  test('for links are reduced to what was typed', () =>
    assert.deepEqual(
      wordsOf('<mailto:a@b.test|a@b.test> <tel:123|123> <https://x.test/y> --on=<http://eu.lab|eu.lab>'),
      [...['a@b.test', '123', 'https://x.test/y', '--on=eu.lab']],
    ));
  test('for escaped characters are decoded once', () =>
    assert.equal(normaliseCommandText('status &lt;!here&gt; &amp;lt;'), 'status <!here> &lt;'));
  test('that mention everybody stay, and are escaped when they are shown', () =>
    assert.equal(normaliseCommandText('status <!channel>'), 'status <!channel>'));
});

describe('quotes', () => {
  test('keep the spaces of a value together', () =>
    assert.deepEqual(wordsOf('note team-a “two words” --why="one more"'), [
      ...['note', 'team-a', 'two words', '--why=one more'],
    ]));
  test('may be empty', () => assert.deepEqual(wordsOf('create "" --ttl=""'), ['create', '', '--ttl=']));
  test('are ordinary characters if they are unmatched or apostrophes', () =>
    assert.deepEqual(wordsOf(`status "team-a don’t x"y`), ['status', '"team-a', "don't", 'x"y']));
  test('match even if only one of them is curly', () =>
    assert.deepEqual(wordsOf('status “team-a"'), ['status', 'team-a']));
});

test('an empty command has no words', () => assert.deepEqual(wordsOf(' \u200b\u00a0'), []));

test('the words of a command stay the same if they are joined and sent again', () => {
  for (const text of [
    'delete team-a',
    'revoke team-a <@U1|bob> --on us',
    'create --note="two  words" --ttl 8h',
    `create --note="it's 'late'" --note2='a "b c"' plain"quote`,
    'create --note=&lt;tag&gt; --note2="&amp;lt; &lt;http://x|y&gt;"',
  ])
    assert.deepEqual(wordsOf(joinWords(wordsOf(text))), wordsOf(text), text);
});

test('the mention of a person, a user group or a channel keeps only its ID', () =>
  assert.deepEqual(wordsOf('share team-a <@U1|alice> <!subteam^S1|@ops> <#C1|general> <!subteam^S2>'), [
    'share',
    'team-a',
    '<@U1>',
    '<!subteam^S1>',
    '<#C1>',
    '<!subteam^S2>',
  ]));
test('mentions survive a button', () => {
  const words = ['share', 'team-a', '<!subteam^S1>', '<@U1>'];
  assert.deepEqual(wordsOf(joinWords(words)), words);
});

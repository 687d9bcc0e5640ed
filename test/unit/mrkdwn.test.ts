import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { clipMrkdwn, joinMrkdwn, mention, mrkdwn, plain, slackTime, type Mrkdwn } from '../../src/mrkdwn.js';

test('a string put into mrkdwn cannot mention anybody or become a link', () => {
  assert.equal(mrkdwn`*${'<!channel> & <https://x|y>'}*`.text, '*&lt;!channel&gt; &amp; &lt;https://x|y&gt;*');
  assert.equal(joinMrkdwn(['<@U1>', mention('U2')], ' < ').text, '&lt;@U1&gt; &lt; <@U2>');
});

test('mrkdwn put into mrkdwn is kept, and escaped once', () => {
  assert.equal(mrkdwn`${mrkdwn`*${'a & b'}*`} of ${mention('U1')}, ${2}`.text, '*a &amp; b* of <@U1>, 2');
});

test('missing values are left out of mrkdwn', () => {
  assert.equal(mrkdwn`a${undefined}${false}${''}b`.text, 'ab');
  assert.equal(joinMrkdwn(['a', undefined, false, '', mrkdwn``, 'b'], '\n').text, 'a\nb');
});

test('a value in a code span or block cannot end it', () => {
  assert.equal(mrkdwn`\`a${'`b'}\` ${'`c`'}`.text, '`aˋb` `c`');
  assert.equal(mrkdwn`\`${mrkdwn`\`a\``}\``.text, '`ˋaˋ`');
  assert.equal(mrkdwn`\`\`\`\n${'```'}\n\`\`\` \`x\` ${'`'}`.text, '```\nˋˋˋ\n``` `x` `');
});

test('a clipped text ends before an entity or a mention that does not fit', () => {
  const clipped = (longest: number) => clipMrkdwn(mrkdwn`a ${'&'} ${mention('U1')}.`, longest).text;
  assert.deepEqual([5, 7, 8, 13, 14].map(clipped), ['a …', 'a …', 'a &amp;…', 'a &amp; …', 'a &amp; <@U1>.']);
});

test('only the ID of a person becomes a mention', () => {
  assert.equal(mention('W1').text, '<@W1>');
  assert.equal(mention('U1> <!channel').text, 'U1&gt; &lt;!channel');
});

test('mrkdwn in a plain string is an obvious mistake', () => {
  assert.throws(() => `${mrkdwn`a` as unknown as string}`, /use the tag/);
  assert.equal(JSON.stringify({ hint: mrkdwn`a` }), '{"hint":"a"}');
});

test('a plain string is not accepted as mrkdwn', () => {
  // @ts-expect-error: must not compile
  const text: Mrkdwn = 'a';
  assert.throws(() => plain(text));
});

test('only src/slack-message.ts puts text into blocks in mrkdwn', () => {
  const src = new URL('../../src/', import.meta.url);
  const makers = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && readFileSync(new URL(path, src), 'utf8').includes("type: 'mrkdwn'"),
  );
  assert.deepEqual(makers, ['slack-message.ts']);
});

test('plain text has no formatting, no emoji, and times in UTC', () => {
  const time = slackTime(new Date('2026-01-02T03:04:05Z'));
  assert.equal(
    plain(mrkdwn`:tada: Demo *${'a'}* of ${mention('U1')}, \`b\`, expires ${time}`),
    'Demo a of <@U1>, b, expires 2026-01-02 03:04 UTC',
  );
});

test('plain text keeps what only looks like an emoji', () => {
  assert.equal(plain(mrkdwn`:x: ${'image web:latest: not found'}`), 'image web:latest: not found');
});

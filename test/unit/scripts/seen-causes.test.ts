import assert from 'node:assert/strict';
import { test } from 'node:test';
import { causesIn, withSeenCauses } from '../../../scripts/seen-causes.js';

const verdict = `:x: *demo*: from vc1, v2 never answers
*Cause:* a remote secret is missing
> vc1: istiod in vc1 has no remote secret for vc2
> vc2: more
*What to do:* make it
*Also:* a rule routes the requests elsewhere
> vc1: 5 &lt; 6 | \`a\` &amp; b`;

test('each cause that a verdict names has its first evidence', () =>
  assert.deepEqual(causesIn(verdict), {
    'a remote secret is missing': 'vc1: istiod in vc1 has no remote secret for vc2',
    'a rule routes the requests elsewhere': 'vc1: 5 &lt; 6 | `a` &amp; b',
  }));

test('the table of causes gets what was seen, and keeps the other rows', () => {
  const page = [
    '| cause | what you read as evidence | Repair |',
    '|---|---|---|',
    '| a remote secret is missing | `old` | yes |',
    '| a rule routes the requests elsewhere | `old` | no |',
    '| sleep is missing | `old` | yes |',
  ].join('\n');
  assert.equal(
    withSeenCauses(page, causesIn(verdict)),
    page
      .replace('missing | `old` | yes', 'missing | `vc1: istiod in vc1 has no remote secret for vc2` | yes')
      .replace('elsewhere | `old`', "elsewhere | `vc1: 5 < 6 \\| 'a' & b`"),
  );
});

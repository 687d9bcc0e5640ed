import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readDemoConfig } from '../../../../src/config.js';
import { homeBlocks } from '../../../../src/jobs/commands/home.js';
import { listMessage } from '../../../../src/jobs/commands/list.js';
import { poolMessage } from '../../../../src/jobs/commands/pool/pool.js';
import { whoamiMessage } from '../../../../src/jobs/commands/whoami.js';
import type { Demo } from '../../../../src/k8s/demo/demo.js';
import { inSections } from '../../../../src/slack/new-blocks.js';
import type { MessageBlock } from '../../../../src/slack-message.js';
import { plannedDemo } from '../../../support/planned-demo.js';
import { problemsOfMessage, problemsOfView } from '../../../support/slack-limits.js';

/* What shows many demos or pairs: within Slack's limits, one's own first, and nothing is left out without saying so. */

const config = { ...readDemoConfig(undefined), hostCluster: undefined, clusters: [] };
const me = 'U0ME';
const nameOf = (index: number) => `a-long-demo-name-${String(index).padStart(3, '0')}`;

/** As many demos as that, every third of them mine, the newest last. */
const demosOf = (count: number): Demo[] =>
  Array.from({ length: count }, (_, index) => ({
    ...plannedDemo({ name: nameOf(index), owner: { id: index % 3 === 2 ? me : 'U0OTHERPERSON', name: 'x' } }),
    state: 'ready' as const,
  }));
const isMine = ({ owner }: Demo) => owner.id === me;

/** Without repetitions, in the order in which they are first named. */
const namedIn = (shown: unknown): string[] => [
  ...new Set(Array.from(JSON.stringify(shown).matchAll(/a-long-demo-name-\d{3}/g), ([name]) => name)),
];

for (const count of [0, 1, 25, 200])
  describe(`of ${count} demos`, () => {
    const demos = demosOf(count);
    const all = { demos, unreadable: [] };
    const sorted = [...demos.filter(isMine), ...demos.filter((demo) => !isMine(demo))].map(({ name }) => name);
    const surfaces: Record<string, { blocks: MessageBlock[]; text?: string }> = {
      'the list': listMessage(all, me, config),
      'the Home': { blocks: homeBlocks({ demos: all, waiting: [], userId: me, config }) },
    };
    for (const [what, shown] of Object.entries(surfaces))
      for (const [how, { blocks }] of Object.entries({ '': shown, ', in sections,': inSections(shown, () => true) }))
        test(`${what}${how} names every one, mine first, and Slack accepts it`, () => {
          assert.deepEqual(namedIn(blocks), sorted);
          const problems =
            shown.text === undefined
              ? problemsOfView({ type: 'home', blocks })
              : problemsOfMessage({ text: shown.text, blocks });
          assert.deepEqual(problems, []);
        });

    test('whoami names mine, or says how many more there are', () => {
      const own = demos.filter(isMine);
      const shown = whoamiMessage(config, me, { role: 'user', own, shared: [] });
      assert.deepEqual(problemsOfMessage(shown), []);
      const named = namedIn(shown.blocks).length;
      const more = Number(/and (\d+) more; `\/vcdemo list` has all/.exec(JSON.stringify(shown.blocks))?.[1] ?? 0);
      assert.equal(named + more, own.length);
    });

    test('the pool names every pair, or says how many more there are', () => {
      const warm = { state: 'ready', since: new Date(0), configuration: 'x', fitsAnyName: true } as const;
      const pairs = demos.map((demo) => ({ ...demo, warm }));
      const rest = { notes: { failures: 0 }, now: new Date(0), isUnderMaintenance: false };
      const shown = poolMessage({ demos: [], unreadable: [], pairs, ...rest }, config);
      assert.deepEqual(problemsOfMessage(shown), []);
      const more = Number(/and (\d+) more/.exec(JSON.stringify(shown.blocks))?.[1] ?? 0);
      assert.equal(namedIn(shown.blocks).length + more, count);
    });
  });

test('a table with more demos than it may have says how many there are, and the others are named below it', () => {
  const { blocks } = listMessage({ demos: demosOf(200), unreadable: [] }, me, config);
  const shown = JSON.stringify(blocks);
  assert.match(shown, /"caption":"The first 100 of 200 demos"/);
  assert.match(shown, /The other 100: a-long-demo-name-/);
  assert.match(shown, /Your other demos: .*`\/vcdemo status a-long-demo-name-026` shows one of them/);
});

test('records that cannot be read are counted beyond the first twenty', () => {
  const unreadable = Array.from({ length: 25 }, (_, index) => ({ name: nameOf(index), problem: 'x'.repeat(500) }));
  const { blocks } = listMessage({ demos: [], unreadable }, me, config);
  assert.match(JSON.stringify(blocks), /and 5 more/);
});

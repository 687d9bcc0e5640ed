import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readDemoConfig, type DemoConfig } from '../../../src/config.js';
import { commandLine } from '../../../src/commands/command-line.js';
import { isJobCommand } from '../../../src/commands/job-payloads.js';
import { parseCommand } from '../../../src/commands/parse.js';
import { requestsFor } from '../../../src/commands/requests.js';
import { hours } from '../../../src/duration.js';
import { UserError } from '../../../src/errors.js';
import { cancelledMessage as cancelAnswer } from '../../../src/jobs/commands/cancel.js';
import { assertWithinLimits } from '../../../src/jobs/commands/create/limits.js';
import {
  alreadyThereMessage,
  cancelledMessage as createCancelled,
  kubeconfigComment,
} from '../../../src/jobs/commands/create/messages.js';
import { diagnosisMessage, unreachableMessage } from '../../../src/jobs/commands/diagnose/messages.js';
import { homeBlocks } from '../../../src/jobs/commands/home.js';
import { kubeconfigFile } from '../../../src/jobs/commands/kubeconfig.js';
import { listMessage } from '../../../src/jobs/commands/list.js';
import { maintenanceMessage } from '../../../src/jobs/commands/maintenance.js';
import { reminderMessage } from '../../../src/jobs/commands/remind.js';
import { cancelledRevokeMessage, personRevokedMessage } from '../../../src/jobs/commands/revoke/messages.js';
import { noticeMessage, sharedMessage } from '../../../src/jobs/commands/share.js';
import { statusMessage } from '../../../src/jobs/commands/status.js';
import { newOwnerMessage } from '../../../src/jobs/commands/transfer.js';
import { repairButton } from '../../../src/jobs/commands/verify/repair.js';
import { verifyMessage } from '../../../src/jobs/commands/verify/messages.js';
import { evenly } from '../../../src/jobs/commands/verify/shares.js';
import { judge } from '../../../src/jobs/commands/verify/verdict.js';
import { UnknownDemo } from '../../../src/jobs/find-demo.js';
import { readyCard } from '../../../src/jobs/slack/card/card.js';
import * as demoButtons from '../../../src/jobs/slack/demo-buttons.js';
import { beingWorkedOnMessage } from '../../../src/jobs/slack/messages.js';
import { demoStates } from '../../../src/k8s/demo/demo.js';
import { mrkdwn, type Mrkdwn } from '../../../src/mrkdwn.js';
import { buttons, type MessageBlock, type SlackMessage } from '../../../src/slack-message.js';
import { buttonsOf } from '../../support/timeline.js';
import { plannedDemo } from '../../support/planned-demo.js';

/* A demo of the second host cluster; the first may have another one of the same name. */

const clusters = ['eu', 'us'];
const defaults = readDemoConfig(undefined);
const config: DemoConfig = {
  ...defaults,
  clusters,
  hostCluster: 'us',
  dashboard: { ...defaults.dashboard, enabled: true },
  // Less than what the button would add otherwise.
  ttl: { ...defaults.ttl, max: hours(2) },
};
const now = new Date('2026-01-01T00:30:00Z');
const demo = { ...plannedDemo({ name: 'twin', hostCluster: 'us' }), state: 'ready' as const };
const failed = { ...demo, state: 'failed' as const };
const holder = { purpose: 'expire', jobId: 'expire-1', since: now };
const cause = {
  name: 'a cause',
  evidence: [],
  remedy: mrkdwn`Look.`,
  isRepairable: true,
  restarts: false,
  starts: false,
};
const directions = [{ from: 'vc1', problem: 'no answer' }];
const broken = {
  ...{ demo: 'twin', hostCluster: 'us', directions, verdict: judge(directions, evenly), expectation: evenly },
  ...{ at: now, tookMs: 1, findings: [], causes: [cause] },
};
const mended = repairButton(demo, [{ ...cause, restarts: true }])!;

const rows = (...shown: ReturnType<typeof demoButtons.readyButtons>) => ({ text: '', blocks: [buttons(shown)] });

function thrownBy(act: () => void): { text: string; blocks: MessageBlock[] } {
  try {
    act();
  } catch (error) {
    return { text: mrkdwn`${(error as UserError).slackHint}`.text, blocks: [] };
  }
  throw new Error('nothing was thrown');
}

type Shown = SlackMessage | Mrkdwn | { text: string; blocks: MessageBlock[] };

const messages: Record<string, Shown> = {
  'the card of a demo that is ready': readyCard(demo, config),
  'the buttons of a create that failed': rows(...demoButtons.failedButtons(failed)),
  'the button of a create that made nothing': rows(...demoButtons.emptyButtons(failed)),
  'the buttons of a delete that failed': rows(...demoButtons.undeletedButtons(failed)),
  'the buttons of a replacement of keys that failed': rows(...demoButtons.unrevokedButtons(failed)),
  'the button of a card while a flow runs': rows(demoButtons.cancelButton(demo)),
  ...Object.fromEntries(
    demoStates.map((state) => [
      `the list with a demo that is ${state}`,
      listMessage({ demos: [{ ...demo, state }], unreadable: [] }, demo.owner.id, config),
    ]),
  ),
  'an empty list': listMessage({ demos: [], unreadable: [] }, 'U1', config),
  'a Home': {
    text: '',
    // Its other buttons show Homes.
    blocks: homeBlocks({ demos: { demos: [demo], unreadable: [] }, waiting: [], userId: demo.owner.id, config }).filter(
      (block) => !JSON.stringify(block).includes('"home:'),
    ),
  },
  'the text of a kubeconfig': kubeconfigComment(config, demo, 1),
  'the answer to a create of what exists': alreadyThereMessage(demo),
  'a create that was cancelled before it began': createCancelled(demo, 'U1', 'empty'),
  'a create that was cancelled halfway': createCancelled(demo, 'U1', 'part'),
  'a create that was cancelled too late': createCancelled(demo, 'U1', 'ready'),
  'the answer to a cancel that was not noticed': cancelAnswer(demo, holder, 'goes on'),
  'the answer to a cancel that came too late': cancelAnswer(demo, holder, 'finished'),
  'a diagnosis': diagnosisMessage(broken),
  'a diagnosis without a cause': diagnosisMessage({ ...broken, causes: [] }),
  'a diagnosis from outside': unreachableMessage(demo, 'no answer'),
  'a verdict': verifyMessage(broken),
  'a verdict without a cause': verifyMessage({ ...broken, causes: [] }),
  'a repair that restarts pods': rows(mended),
  'a kubeconfig of a part': kubeconfigFile(failed, 'bob', { text: '' }, now, ['vc1']).comment,
  'a maintenance': maintenanceMessage({ since: now, by: 'U1' }, config),
  'a reminder': reminderMessage({ ...demo, expires: new Date('2026-01-01T01:00:00Z') }, config, now),
  'a revoke of a person': personRevokedMessage(demo, { person: 'U2', isShared: true, doors: {} }),
  'a replacement of keys that was cancelled': cancelledRevokeMessage(demo, 'U1'),
  'a share': sharedMessage(demo, 'U2', false),
  'a share that has ended': sharedMessage(demo, 'U2', true),
  'the notice of a share': noticeMessage(demo, 'U1', config),
  'the notice of a transfer': newOwnerMessage(demo, 'U1', config),
  'the status of a broken demo': statusMessage(
    demo,
    [{ step: 'istiod', says: 'Installing istiod', state: 'failed' }],
    undefined,
    config,
  ),
  'a demo that is busy': beingWorkedOnMessage(demo, holder),
  'a demo that is gone': { text: new UnknownDemo('It is gone.', demo).hint!, blocks: [] },
  'a limit': thrownBy(() =>
    assertWithinLimits(
      { demos: [demo], unreadable: [] },
      { userId: demo.owner.id },
      { ...config, limits: { ...config.limits, demosPerPerson: 1 } },
    ),
  ),
};

const requester = { userId: 'U1', userName: 'alice', channelId: 'C1' };

/** The host clusters whose workers get what somebody types. */
function askedBy(typed: string): (string | undefined)[] {
  // As Slack sends what people pick from its lists.
  const text = typed.replace('@person', '<@U2>').replace('@group', '<!subteam^S1>').replace('#channel', '<#C1>');
  const parsed = parseCommand(text, { clusters, maxTtlMs: config.ttl.max });
  const { name } = parsed;
  assert.ok(isJobCommand(name), typed);
  return requestsFor({ ...parsed, name }, requester, clusters).map(({ hostCluster }) => hostCluster);
}

/** About no demo in particular. */
const isGeneral = (typed: string) => /^(list|help)$/.test(typed);

describe('with several host clusters, what is hinted and every button act on the cluster of the demo:', () => {
  for (const [what, shown] of Object.entries(messages))
    test(what, () => {
      const blocks = 'blocks' in shown ? shown.blocks : [];
      const pressed = buttonsOf({ blocks: blocks as never[] }).map(({ value }) => value);
      const texts = JSON.stringify([shown.text, blocks]);
      const hinted = [...texts.matchAll(/`\/vcdemo ([^`]+)`/g)].map(([, typed = '']) => typed);
      const typed = [...pressed, ...hinted].filter((each) => !isGeneral(each));
      assert.ok(typed.length > 0, 'it neither hints at a command nor has a button');
      for (const each of typed) assert.deepEqual(askedBy(each), ['us'], each);
    });
});

const root = fileURLToPath(new URL('../../../src', import.meta.url));

test('only one function writes a command on a demo into a text, and one into a button', () => {
  const found = ['jobs', 'k8s'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => ({ path, text: readFileSync(join(root, folder, path), 'utf8') })),
  );
  assert.ok(found.length > 100);
  for (const { path, text } of found) {
    assert.doesNotMatch(text, /\/vcdemo [a-z]+ \$\{/, path);
    assert.doesNotMatch(text, /\bvalue: ?[`'](create|delete|verify|status|extend|logs|revoke|kubeconfig)\b/, path);
  }
});

test('a command in a text cannot end its code', () =>
  assert.equal(commandLine({ name: 'a`b', hostCluster: undefined }, 'status'), '`/vcdemo status aˋb`'));

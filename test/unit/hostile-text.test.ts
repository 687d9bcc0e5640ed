import { WebClient } from '@slack/web-api';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertOwner } from '../../src/access.js';
import { helpReply } from '../../src/bot/help.js';
import { answerCommand } from '../../src/bot/listeners/answer-command.js';
import { lostReply, replyToError, untakenReply } from '../../src/bot/reply.js';
import { readDemoConfig } from '../../src/config.js';
import { Refusal, UserError } from '../../src/errors.js';
import { assertWithinLimits } from '../../src/jobs/commands/create/limits.js';
import { alreadyThereMessage, kubeconfigComment } from '../../src/jobs/commands/create/messages.js';
import { dashboardMessage } from '../../src/jobs/commands/dashboard.js';
import { deleteQuestion, goneMessage, keptVolumesMessage } from '../../src/jobs/commands/delete/messages.js';
import { kubeconfigFile } from '../../src/jobs/commands/kubeconfig.js';
import { homeBlocks } from '../../src/jobs/commands/home.js';
import { questionMessage } from '../../src/jobs/commands/question.js';
import { reminderMessage } from '../../src/jobs/commands/remind.js';
import { listMessage } from '../../src/jobs/commands/list.js';
import {
  everybodyRevokedMessage,
  personRevokedMessage,
  revokeQuestion,
} from '../../src/jobs/commands/revoke/messages.js';
import { statusMessage } from '../../src/jobs/commands/status.js';
import { detailsFile } from '../../src/jobs/commands/verify/details.js';
import { verifyMessage } from '../../src/jobs/commands/verify/messages.js';
import { evenly } from '../../src/jobs/commands/verify/shares.js';
import { judge } from '../../src/jobs/commands/verify/verdict.js';
import { preflightMessage } from '../../src/jobs/commands/create/preflight.js';
import { troubleMessage } from '../../src/jobs/host-trouble.js';
import { UnknownDemo } from '../../src/jobs/find-demo.js';
import { FlowError, type Task } from '../../src/jobs/flow.js';
import { FlowFailed } from '../../src/jobs/run-flow.js';
import { endedCard, failedCard, readyCard } from '../../src/jobs/slack/card/card.js';
import { workingCard } from '../../src/jobs/slack/card/working-card.js';
import { textMessages, uploadRefusedMessage } from '../../src/jobs/slack/file-as-text.js';
import {
  beingWorkedOnMessage,
  failureMessage,
  message,
  onCluster,
  unprovenText,
  waitingForHostMessage,
} from '../../src/jobs/slack/messages.js';
import { whyNotWritable } from '../../src/jobs/slack/reach.js';
import type { Slack } from '../../src/jobs/slack/slack.js';
import { tellFailure } from '../../src/jobs/worker/tell-failure.js';
import { ApiError } from '../../src/k8s/client/api-errors.js';
import { createLog } from '../../src/log.js';
import { createBotMetrics } from '../../src/metrics.js';
import { mrkdwn, plain, type Mrkdwn } from '../../src/mrkdwn.js';
import { inSections } from '../../src/slack/new-blocks.js';
import type { SlackMessage } from '../../src/slack-message.js';
import { plannedDemo } from '../support/planned-demo.js';

/* Text from people and clusters mentions nobody and adds no links, whichever message quotes it. */

const hostile = '<!channel> <https://x|y> & <@U666> `';
const config = { ...readDemoConfig(undefined), hostCluster: hostile };
const now = new Date('2026-01-02T03:04:05Z');
const demo = {
  ...plannedDemo({ name: hostile, hostCluster: hostile, owner: { id: `U1${hostile}`, name: hostile } }),
  state: 'failed' as const,
  problem: hostile,
};
const requester = { userId: 'U1', userName: hostile, channelId: 'C1' };
const cluster = 'vc1' as const;
const tasks: Task[] = [
  { step: 'a', says: hostile, state: 'running', seen: hostile },
  { step: 'b', says: hostile, state: 'done', note: hostile },
  { step: 'c', says: hostile, state: 'failed', cluster, error: new Error(hostile) },
];
const working = { title: mrkdwn`${hostile}`, tasks, since: now, now, jobId: hostile };
const action = { label: 'Resume', value: `create ${hostile}` };
const requesterAsOwner = { id: 'U1', name: hostile };
const job = { jobId: hostile, id: hostile, name: 'create' as const, payload: { demo: hostile, requester } };
const file = { filename: hostile, content: hostile, title: hostile, comment: mrkdwn`${hostile}` };
const log = createLog('test', 'silent');

const run = {
  requests: 2,
  versions: { [hostile]: 1 },
  instances: { [hostile]: 1 },
  errors: { [hostile]: 1 },
  times: [1],
  timesByVersion: { [hostile]: [1] },
};
const traffic = { parallel: run, sequential: run, endpoints: [{ address: hostile, isHealthy: true }], retries: 0 };
const directions = [
  { from: hostile, traffic },
  { from: cluster, problem: hostile },
];
const verified = {
  ...{ demo: hostile, hostCluster: hostile, directions, verdict: judge(directions, evenly), expectation: evenly },
  ...{ at: now, tookMs: 1 },
  findings: [{ check: 'sidecars' as const, cluster: hostile, state: 'fail' as const, evidence: hostile }],
  causes: [
    {
      name: hostile,
      evidence: [hostile],
      remedy: mrkdwn`${hostile}`,
      isRepairable: true,
      restarts: true,
      starts: true,
    },
  ],
};
const passed = { ...verified, verdict: { ...verified.verdict, kind: 'pass' as const } };

/** What the person reads when a job fails with that error. */
async function told(error: unknown): Promise<SlackMessage> {
  const said: SlackMessage[] = [];
  const slack = {
    reply: (_thread: unknown, _to: unknown, shown: SlackMessage) => Promise.resolve(void said.push(shown)),
    post: (_to: unknown, shown: SlackMessage) => Promise.resolve(void said.push(shown)),
    whisper: (_to: unknown, shown: SlackMessage) => Promise.resolve(void said.push(shown)),
  } as unknown as Slack;
  await tellFailure({ slack, log }, job, error);
  return said[0]!;
}

const memberships = { isIn: () => Promise.resolve(false) };
const thrownBy = (act: () => void): unknown => {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
};

const refusals: Record<string, unknown> = {
  'a refusal': new Refusal('x', hostile, { hint: hostile }),
  'an error with a hint': new UserError('x', hostile, { hint: hostile }),
  'an error of the API': ApiError.from(hostile, hostile, 403, JSON.stringify({ message: hostile })),
  'a defect': new Error(hostile),
  'an unknown demo': new UnknownDemo(hostile, demo, [hostile]),
  'a demo of somebody else': await assertOwner(
    { access: { ...config.access, admins: [hostile] }, memberships },
    { userId: 'U2' },
    demo,
    { command: hostile, who: 'owner' },
  ).catch((error: unknown) => error),
  'too many demos': thrownBy(() =>
    assertWithinLimits(
      { demos: [demo], unreadable: [] },
      { ...requester, userId: demo.owner.id },
      {
        ...config,
        limits: { ...config.limits, demosPerPerson: 1 },
      },
    ),
  ),
  'a failed flow': new FlowFailed(new FlowError(tasks), {
    title: mrkdwn`${hostile}`,
    hint: hostile,
    audience: requester,
  }),
};

const ofWorkers: Record<string, () => SlackMessage | Mrkdwn | Promise<SlackMessage>> = {
  'a create that is done': () =>
    kubeconfigComment({ ...config, domain: hostile } as typeof config, demo, 1, {
      weaker: [hostile],
      unproven: hostile,
    }),
  'a create of what exists': () => alreadyThereMessage(demo),
  'a demo that is busy': () => beingWorkedOnMessage(demo, { purpose: hostile, jobId: hostile, since: now }),
  'a host cluster that does not answer': () => waitingForHostMessage(hostile, hostile, 120_000),
  'the name of a host cluster': () => message(mrkdwn`${onCluster(config)}`),
  'a failure': () =>
    failureMessage({ ...job, title: mrkdwn`${hostile}`, reasons: [`a\n${hostile}`], hint: hostile, mention: hostile }),
  'an unproven kubeconfig': () => unprovenText(hostile),
  'the card of a demo that is being created': () => inSections(workingCard(working), () => true),
  'the card of a demo whose create was interrupted': () =>
    inSections(workingCard({ ...working, isInterrupted: true }), () => true),
  'the card of a demo that is ready': () =>
    readyCard({ ...demo, verdict: { outcome: 'fail', reason: hostile, at: now } }, config),
  'the card of a demo that failed': () =>
    failedCard({ title: mrkdwn`${hostile}`, reasons: [hostile], hint: hostile, jobId: hostile, actions: [action] }),
  'the card of a demo that is gone': () => endedCard(demo, { how: hostile, hasLeft: true, now }),
  'a reminder': () => reminderMessage({ ...demo, owner: requesterAsOwner }, config, now),
  'a channel in which the bot cannot write': () => whyNotWritable('is_archived', `C1${hostile}`)!,
  'a file that was refused': () => uploadRefusedMessage(file, hostile, hostile),
  'a file as text': () => textMessages(file)[0]!,
  'the list': () => listMessage({ demos: [demo], unreadable: [{ name: hostile, problem: hostile }] }, hostile, config),
  'an empty list': () => listMessage({ demos: [], unreadable: [] }, hostile, config),
  'a Home': () => ({
    ...message(mrkdwn`Home`),
    blocks: homeBlocks({
      demos: { demos: [demo], unreadable: [] },
      waiting: [{ name: hostile, demo: hostile, userId: hostile, isActive: true }],
      userId: demo.owner.id,
      config: { ...config, clusters: [hostile] },
    }),
  }),
  'the status': () => statusMessage(demo, tasks, undefined, config),
  'the status of a busy demo': () =>
    statusMessage(demo, tasks, { purpose: hostile, jobId: hostile, since: now }, config),
  'the dashboards': () => dashboardMessage(config, demo, [{ cluster, token: hostile, expires: now }]),
  'a question': () => {
    const question = { question: deleteQuestion(demo), purpose: hostile };
    return questionMessage(demo, { label: hostile, confirmedBy: hostile, ...question });
  },
  'trouble of the host cluster': () => {
    const trouble = { cause: hostile, since: now, demos: [hostile] };
    return troubleMessage(trouble, { what: hostile, reason: hostile, remedy: hostile }, hostile);
  },
  'what would stop a create': () => {
    const problems = [new UserError('x', hostile, { hint: hostile }), new Error(hostile)];
    return preflightMessage(problems, { command: hostile, where: hostile, isAdmissionProven: false });
  },
  'a question about a person': () => revokeQuestion(demo, hostile),
  'a delete that was interrupted at its end': () => goneMessage(hostile),
  'the volumes that a delete has kept': () =>
    keptVolumesMessage(hostile, [{ metadata: { name: hostile }, spec: { storageClassName: hostile } }]),
  'a kubeconfig': () => kubeconfigFile(demo, hostile, { text: '', unproven: hostile }, now, [hostile]).comment,
  'a revoke of one person': () =>
    personRevokedMessage(demo, { person: hostile, isShared: true, doors: { [hostile]: [hostile] } }),
  'a revoke of everybody': () =>
    everybodyRevokedMessage(hostile, { [hostile]: [hostile] }, [{ to: hostile, why: hostile }]),
  'the verdict': () => verifyMessage({ ...verified, publicWay: { problem: hostile, isRequired: true } }),
  'the verdict on a public name': () =>
    verifyMessage({ ...verified, publicWay: { problem: hostile, isRequired: false } }),
  'a good verdict with warnings': () => verifyMessage(passed),
  'the details of a verdict': () => detailsFile(verified).comment,
  ...Object.fromEntries(
    Object.entries(refusals).map(([what, error]) => [`${what}, told by a worker`, () => told(error)]),
  ),
};

const context = {
  log,
  demoConfig: { ...config, clusters: [hostile] },
  people: memberships,
  slack: new WebClient(),
  later: { slack: new WebClient(), respond: () => Promise.resolve() },
  metrics: createBotMetrics(),
  rateLimit: () => undefined,
  queues: { enqueue: () => Promise.resolve(hostile), waitingOf: () => Promise.resolve(0) } as never,
};
const answerTo = async (text: string) => (await answerCommand({ text, requester, dedupeId: 'x' }, context)).reply!;

const ofBot: Record<string, () => SlackMessage | Promise<SlackMessage>> = {
  'a command that was lost': () => lostReply([{ id: hostile, name: 'create' }]),
  'a command that waits': () => untakenReply([{ id: hostile, name: 'create', before: 1, startsInMs: 1 }]),
  'the help': () => helpReply([hostile], 'create'),
  'all help': () => helpReply([hostile]),
  'the answer to no command': () => answerTo(hostile),
  'the answer to a bad name': () => answerTo(`create "${hostile}"`),
  'the answer to a bad flag': () => answerTo(`create "--${hostile}"`),
  'the answer to a bad value': () => answerTo(`create --ttl "${hostile}"`),
  'the answer to a bad cluster': () => answerTo(`create --on "${hostile}"`),
  'the answer to a bad person': () => answerTo(`revoke a "@${hostile}"`),
  ...Object.fromEntries(
    Object.entries(refusals)
      .filter(([, error]) => error instanceof UserError)
      .map(([what, error]) => [`${what}, told by the bot`, () => replyToError(error, log)]),
  ),
};

/** Every text in a message that Slack parses. */
function parsedTexts(shown: SlackMessage | Mrkdwn): string[] {
  if (!('blocks' in shown)) return [shown.text, plain(shown)];
  const found: string[] = [shown.text];
  JSON.stringify(shown.blocks, (_key, value: unknown) => {
    if (typeof value === 'object' && value !== null && 'type' in value && value.type === 'mrkdwn' && 'text' in value)
      found.push(String(value.text));
    return value;
  });
  return found;
}

/** Mentions of the requester, and times. */
const intended = /<@U1>|<!date\^\d+\^\{date_short_pretty\} \{time\}\|[-: \d]+ UTC>/g;

for (const [part, messages] of Object.entries({ 'a worker': ofWorkers, 'the bot': ofBot }))
  describe(`what people and clusters wrote mentions nobody when ${part} quotes it:`, () => {
    for (const [what, make] of Object.entries(messages))
      test(what, async () => {
        const texts = parsedTexts(await make());
        for (const text of texts) assert.doesNotMatch(text.replace(intended, ''), /</, text);
        assert.ok(
          texts.some((text) => /&lt;!channel&gt;|&lt;https:|@U666/.test(text)),
          `nothing is quoted in ${texts.join()}`,
        );
      });
  });

test('a hint keeps the mention of the owner whom it names', async () => {
  const error: unknown = await assertOwner(
    { access: { ...config.access, admins: ['U1'] }, memberships },
    { userId: 'U2' },
    demo,
    { command: 'delete it', who: 'owner' },
  ).catch((thrown: unknown) => thrown);
  for (const shown of [await told(error), replyToError(error, log)])
    assert.match(parsedTexts(shown).join('\n'), /Administrators: <@U1>\./);
});

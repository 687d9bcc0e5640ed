import type { AuditEntry, Demo } from '../../src/k8s/demo/demo.js';
import { helpReply } from '../../src/bot/help.js';
import { createForm, formAnswer } from '../../src/bot/form.js';
import { answeredLater, notOpened } from '../../src/bot/listeners/form.js';
import { peopleForm } from '../../src/bot/people-form.js';
import { nobodyListens } from '../../src/bot/receiver/dispatch.js';
import { lostReply, replyToError, untakenReply } from '../../src/bot/reply.js';
import { readDemoConfig, type DemoConfig } from '../../src/config.js';
import { commandNames, type CommandName } from '../../src/commands/table.js';
import { Refusal, UserError } from '../../src/errors.js';
import { auditMessage } from '../../src/jobs/commands/audit.js';
import {
  cancelledMessage as cancelAnswer,
  nothingToCancelMessage,
  removedMessage,
} from '../../src/jobs/commands/cancel.js';
import {
  alreadyThereMessage,
  cancelledMessage,
  deletedUnseenMessage,
  kubeconfigComment,
} from '../../src/jobs/commands/create/messages.js';
import { preflightMessage } from '../../src/jobs/commands/create/preflight.js';
import { dashboardMessage } from '../../src/jobs/commands/dashboard.js';
import { goneMessage, keptVolumesMessage } from '../../src/jobs/commands/delete/messages.js';
import { diagnosisMessage, unreachableMessage } from '../../src/jobs/commands/diagnose/messages.js';
import { extendedMessage } from '../../src/jobs/commands/extend.js';
import { homeBlocks } from '../../src/jobs/commands/home.js';
import { kubeconfigFile } from '../../src/jobs/commands/kubeconfig.js';
import { listMessage } from '../../src/jobs/commands/list.js';
import { logsFile } from '../../src/jobs/commands/logs.js';
import { maintenanceMessage } from '../../src/jobs/commands/maintenance.js';
import { pausedMessage } from '../../src/jobs/commands/pause/pause.js';
import { poolMessage } from '../../src/jobs/commands/pool/pool.js';
import { questionMessage } from '../../src/jobs/commands/question.js';
import { reminderMessage } from '../../src/jobs/commands/remind.js';
import {
  cancelledRevokeMessage,
  everybodyRevokedMessage,
  personRevokedMessage,
  revokeQuestion,
} from '../../src/jobs/commands/revoke/messages.js';
import { noticeMessage, sharedMessage } from '../../src/jobs/commands/share.js';
import { statusMessage } from '../../src/jobs/commands/status.js';
import { newOwnerMessage } from '../../src/jobs/commands/transfer.js';
import { areas } from '../../src/jobs/commands/verify/checked.js';
import { detailsFile, type Verified } from '../../src/jobs/commands/verify/details.js';
import { beingVerifiedMessage, verifyMessage } from '../../src/jobs/commands/verify/messages.js';
import { evenly } from '../../src/jobs/commands/verify/shares.js';
import { judge } from '../../src/jobs/commands/verify/verdict.js';
import { whoamiMessage } from '../../src/jobs/commands/whoami.js';
import { FlowError, type Task } from '../../src/jobs/flow.js';
import { troubleMessage } from '../../src/jobs/host-trouble.js';
import { FlowFailed } from '../../src/jobs/run-flow.js';
import { emptyButtons, failedButtons } from '../../src/jobs/slack/demo-buttons.js';
import { endedCard, failedCard, pausedCard, readyCard } from '../../src/jobs/slack/card/card.js';
import { workingCard, type Working } from '../../src/jobs/slack/card/working-card.js';
import { textMessages, uploadRefusedMessage } from '../../src/jobs/slack/file-as-text.js';
import {
  beingWorkedOnMessage,
  carriedOutMessage,
  failureMessage,
  message,
  unprovenText,
  waitingForHostMessage,
} from '../../src/jobs/slack/messages.js';
import { whyNotWritable } from '../../src/jobs/slack/reach.js';
import { createLog } from '../../src/log.js';
import { warmStates } from '../../src/k8s/demo/demo.js';
import { mrkdwn } from '../../src/mrkdwn.js';
import type { MessageBlock, SlackMessage } from '../../src/slack-message.js';
import { plannedDemo } from './planned-demo.js';

/* Every message that vcdemo sends, made of content that a test generates. */

/** Where the content comes from; each call may answer something else. */
export interface Content {
  /** What a person or a cluster may have written: of any length. */
  text(): string;
  /** A name that vcdemo accepted: of a demo, a host cluster or a virtual cluster's pod. */
  name(): string;
  /** The Slack ID of a person. */
  person(): string;
  /** As many as the test likes, possibly none. */
  list<Item>(make: () => Item): Item[];
  /** More of them: a table may have a hundred rows. */
  many<Item>(make: () => Item): Item[];
  pick<Item>(from: readonly Item[]): Item;
  count(): number;
}

/** What is shown somewhere: a message, a view, or the comment of a file. */
export type Shown = SlackMessage | { home: MessageBlock[] } | { modal: object };

const now = new Date('2026-01-02T03:04:05Z');
const log = createLog('test', 'silent');
const clusters = ['vc1', 'vc2'] as const;

export function everyMessage(content: Content): Record<string, () => Shown> {
  const { text, name, person, list, many, pick, count } = content;
  const some = <Item>(make: () => Item): Item[] => [make(), ...list(make)];
  const asFile = ({ comment }: { comment: Parameters<typeof message>[0] }) => message(comment);

  const config = (): DemoConfig => ({
    ...readDemoConfig(undefined),
    hostCluster: pick([undefined, name()]),
    clusters: many(name).slice(0, 50),
  });
  const demo = (): Demo => ({
    ...plannedDemo({ name: name(), owner: { id: person(), name: text() } }),
    state: pick(['creating', 'ready', 'failed', 'deleting']),
    problem: pick([undefined, text()]),
    verdict: pick([undefined, { outcome: pick(['pass', 'inconclusive', 'fail']), reason: text(), at: now }]),
    audit: list((): AuditEntry => ({ at: now, by: pick([undefined, person()]), what: text() })),
    shared: list(person),
    ready: pick([undefined, now]),
  });
  const task = (): Task => {
    const state = pick(['waiting', 'running', 'done', 'failed', 'skipped'] as const);
    return {
      ...{ step: name(), says: 'Starting the virtual cluster', state, optional: pick([true, false]) },
      ...pick([{}, { cluster: pick(clusters) }]),
      ...pick([{}, { seen: text() }]),
      ...pick([{}, { note: text() }]),
      ...(state === 'failed' && { error: new Error(text()) }),
      ...(state === 'running' && { startedAt: new Date(now.getTime() - count()) }),
    };
  };
  const failed = (): Task => ({ ...task(), state: 'failed', optional: false, error: new Error(text()) });
  const working = (): Working => ({
    ...{ title: mrkdwn`Creating demo *${name()}*`, tasks: list(task), since: new Date(0), now, jobId: text() },
    usual: pick([undefined, { totalMs: count(), stepMs: {} }]),
    isInterrupted: pick([true, false]),
    actions: list(() => ({ label: 'Cancel', value: `cancel ${name()}` })).slice(0, 5),
  });
  const few = () => pick([0, 1, 6, 200]);
  const counts = () => Object.fromEntries(list(text).map((key) => [key, few()]));
  const run = () => ({
    ...{ requests: few(), versions: { ...counts(), v1: few() }, instances: counts(), errors: counts() },
    ...{ times: list(count), timesByVersion: { v1: list(count), [text()]: list(count) } },
  });
  const verified = (): Verified => {
    const directions = clusters.map((from) => {
      const traffic = { parallel: run(), sequential: run(), retries: count() };
      const endpoints = list(() => ({ address: text(), isHealthy: pick([true, false]) }));
      return pick([
        { from, problem: text() },
        { from, traffic: { ...traffic, endpoints } },
      ]);
    });
    const findings = many(() => ({
      ...{ check: pick(pick(areas).checks), cluster: pick([...clusters, text()]) },
      ...{ state: pick(['pass', 'fail', 'unknown'] as const), evidence: text() },
    }));
    const causes = list(() => ({
      ...{ name: text(), evidence: list(text), remedy: mrkdwn`${text()}` },
      ...{ isRepairable: pick([true, false]), restarts: pick([true, false]), starts: pick([true, false]) },
    }));
    const publicWay = pick([undefined, { problem: text(), isRequired: pick([true, false]) }]);
    const verdict = judge(directions, evenly);
    return {
      ...{
        demo: name(),
        hostCluster: pick([undefined, name()]),
        directions,
        verdict,
        expectation: evenly,
        at: now,
        tookMs: count(),
      },
      ...{ findings, causes, publicWay },
    };
  };
  const doors = () => ({ vc1: many(text), vc2: list(text) });
  const holder = () => ({ purpose: pick(['create', text()]), jobId: text(), since: now });
  const error = () =>
    pick<unknown>([
      new Refusal('x', `It was refused: ${text()}`, { hint: text() }),
      new UserError('x', `It failed: ${text()}`, { hint: text() }),
      new FlowFailed(new FlowError(some(failed)), { title: mrkdwn`${name()}`, hint: text(), audience: undefined }),
      new Error(text()),
    ]);
  const file = () => ({
    filename: name(),
    content: `a: 1\n${text()}`,
    title: name(),
    comment: mrkdwn`A file: ${text()}`,
  });
  const listing = () => ({
    demos: many(demo),
    unreadable: many(() => ({ name: text(), problem: text(), ...pick([{}, { managedIn: name() }]) })),
  });
  const asker = () => ({ userId: person(), userName: text(), channelId: pick(['C0A', 'D0A']) });
  const named = () => ({ name: name(), hostCluster: pick([undefined, name()]) });
  const action = () => pick([failedButtons(named()), emptyButtons(named())]);
  const view = (blocks: SlackMessage) => ({ modal: formAnswer(blocks) });
  const picked = (): CommandName => pick(commandNames);

  return {
    'the card of a demo that is being worked on': () => workingCard(working()),
    'the card of a demo that is ready': () => readyCard(demo(), config()),
    'the card of a demo that is paused': () =>
      pausedCard({ ...demo(), paused: { since: now, ...pick([{}, { leftMs: count() }]) } }, config()),
    'the card of a demo that failed': () =>
      failedCard({
        ...{ title: mrkdwn`Creating demo *${name()}* failed`, reasons: some(text), hint: pick([undefined, text()]) },
        ...{ jobId: text(), actions: action() },
      }),
    'the card of a demo that is gone': () => endedCard(demo(), { how: text(), hasLeft: pick([true, false]), now }),
    'a create that is done': () =>
      message(
        kubeconfigComment(config(), demo(), count(), { weaker: list(text), unproven: pick([undefined, text()]) }),
      ),
    'a create of what exists': () => alreadyThereMessage(demo()),
    'a create that was cancelled': () => cancelledMessage(named(), person(), pick(['empty', 'part', 'ready'])),
    'the answer to a cancel': () => cancelAnswer(named(), holder(), pick(['stopped', 'finished', 'goes on'])),
    'a cancel of what waits': () =>
      removedMessage({
        read: { name: pick(['create', 'resume', 'revoke', 'pause', 'delete']) },
        about: pick([undefined, name()]),
      }),
    'a cancel of nothing': () => nothingToCancelMessage(demo()),
    'a demo that was deleted before anybody heard of it': () => deletedUnseenMessage(name()),
    'an extension': () => extendedMessage(demo(), config()),
    'a demo that is busy': () => beingWorkedOnMessage(named(), holder()),
    'a host cluster that does not answer': () => waitingForHostMessage(name(), text(), count()),
    'a pause': () => pausedMessage(named()),
    'a failure': () =>
      failureMessage({
        ...{ title: mrkdwn`\`${name()}\` failed`, reasons: some(text), hint: pick([undefined, text()]) },
        ...{ jobId: text(), mention: person(), isRefusal: pick([true, false]) },
      }),
    'an unproven kubeconfig': () => message(unprovenText(text())),
    'a reminder': () => reminderMessage(demo(), config(), now),
    'a channel in which the bot cannot write': () => message(whyNotWritable('is_archived', name())!),
    'a file that was refused': () => uploadRefusedMessage(file(), text(), pick([undefined, person()])),
    'a file as text': () => textMessages(file())[0]!,
    'the list': () => listMessage(listing(), person(), config()),
    'a Home': () => ({
      home: homeBlocks({
        demos: listing(),
        waiting: many(() => ({ name: text(), demo: name(), userId: person(), isActive: pick([true, false]) })),
        userId: person(),
        config: config(),
      }),
    }),
    'the status': () => statusMessage(demo(), list(task), pick([undefined, holder()]), config()),
    'the dashboards': () =>
      dashboardMessage(
        config(),
        demo(),
        clusters.map((cluster) => ({ cluster, token: text(), expires: now })),
      ),
    'a delete that was interrupted at its end': () => goneMessage(name()),
    'the volumes that a delete has kept': () =>
      keptVolumesMessage(
        name(),
        some(() => ({ metadata: { name: text() }, spec: { storageClassName: text() } })),
      ),
    'a kubeconfig': () =>
      asFile(kubeconfigFile(demo(), text(), { text: '', unproven: pick([undefined, text()]) }, now, some(name))),
    logs: () => asFile(logsFile(demo(), list(name), [])),
    'the audit': () => auditMessage(demo()),
    whoami: () =>
      whoamiMessage(config(), person(), {
        ...{ role: pick([undefined, 'viewer', 'user', 'admin'] as const), own: many(demo), shared: many(demo) },
      }),
    'a share': () => sharedMessage(demo(), person(), pick([true, false])),
    'the notice of a share': () => noticeMessage(demo(), person(), config()),
    'the notice of a transfer': () => newOwnerMessage(demo(), person(), config()),
    'the pool': () => {
      const pair = () => ({
        ...demo(),
        warm: {
          ...{ state: pick(warmStates), since: now, configuration: 'x', fitsAnyName: true },
          ...pick([{}, { by: { demo: name(), jobId: text() } }]),
        },
      });
      const failure = { failed: { at: now, reason: text() }, failures: count() };
      const notes = { ...pick([{ failures: 0 }, failure]), ...pick([{}, { size: count(), by: person(), at: now }]) };
      const stock = {
        demos: many(demo),
        unreadable: [],
        pairs: many(pair),
        ...{ notes, now },
        isUnderMaintenance: pick([true, false]),
      };
      return poolMessage(stock, config());
    },
    maintenance: () => maintenanceMessage({ since: now, by: person(), reason: text() }, config()),
    'a revoke of one person': () =>
      personRevokedMessage(named(), { person: person(), isShared: pick([true, false]), doors: doors() }),
    'a revoke of everybody': () =>
      everybodyRevokedMessage(
        name(),
        doors(),
        many(() => ({ to: person(), why: text() })),
      ),
    'a revoke that was cancelled': () => cancelledRevokeMessage(named(), person()),
    'a verify that waits for another': () =>
      beingVerifiedMessage(
        named(),
        { purpose: pick(['verify', text()]), jobId: text(), since: now, ...pick([{}, { asker: asker() }]) },
        list(() => mrkdwn`${text()}`),
      ),
    'a verdict': () =>
      verifyMessage(
        verified(),
        list(() => mrkdwn`${text()}`),
      ),
    'the details of a verdict': () => asFile(detailsFile(verified())),
    'a diagnosis': () => diagnosisMessage(verified()),
    'a diagnosis of what cannot be reached': () => unreachableMessage(named(), text()),
    'a command that was lost': () => lostReply(some(() => ({ id: text(), name: pick(['create', 'home']) }))),
    'a command that waits': () =>
      untakenReply(
        some(() => ({
          ...{ id: text(), before: count(), startsInMs: pick([undefined, count()]) },
          name: pick(['create', 'home']),
          cancelledBy: pick([undefined, `cancel ${name()}`]),
        })),
      ),
    'what would stop a create': () =>
      preflightMessage(list(error), {
        ...{ command: text(), where: ` on ${name()}`, isAdmissionProven: pick([true, false]) },
      }),
    'trouble of the host cluster': () =>
      troubleMessage(
        { cause: text(), since: now, demos: many(name) },
        { what: 'could not be created', reason: text(), remedy: text() },
        pick([undefined, name()]),
      ),
    'a question': () => {
      const about = { ...demo(), files: many(() => ({ id: 'F1', to: pick([person(), 'C0A', 'S0A']), user: text() })) };
      return questionMessage(about, {
        ...{ label: pick(['Delete', 'Replace all keys of']), confirmedBy: `delete ${name()}` },
        ...{ question: mrkdwn`${text()}`, purpose: pick([undefined, 'create', text()]) },
        isSure: pick([true, false]),
      });
    },
    'a question about a person': () => message(revokeQuestion(demo(), person())),
    'all help': () => helpReply(list(name)),
    help: () => helpReply(list(name), picked()),
    'the answer to an error': () => replyToError(error(), log),
    'the form': () => ({
      modal: createForm({ config: config(), channelId: 'C1', picksChannel: pick([true, false]) }),
    }),
    'a form that names somebody': () => {
      const command = pick(['share', 'transfer'] as const);
      return { modal: peopleForm(command, { text: `${command} ${name()} <@U0> --on ${name()}`, channelId: 'C1' }) };
    },
    'a form that Slack did not open': () => notOpened(error(), pick(['create', 'share', 'transfer'])),
    'a form whose answer comes later': () => view(answeredLater(mrkdwn`<#C0A>`)),
    'a click that nothing answers': () => nobodyListens({ kind: pick(['command', 'interaction'] as const) }),
    'the form, submitted': () => view(replyToError(error(), log)),
    'a command that was carried out before': () => carriedOutMessage('extend', named()),
  };
}

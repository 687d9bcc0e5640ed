import { commandLine } from '../../commands/command-line.js';
import type { DemoConfig } from '../../config.js';
import { currentHolder } from '../../k8s/demo/claim-holder.js';
import type { Holder } from '../../k8s/demo/lease.js';
import { withMissingPlaces, type Demo } from '../../k8s/demo/demo.js';
import { listDemos } from '../../k8s/demo/demo-record.js';
import { claimNamespace } from '../../k8s/demo/managed-by.js';
import { messageOf } from '../../errors.js';
import { joinMrkdwn, mention, mrkdwn, plain, slackTime, type Mrkdwn } from '../../mrkdwn.js';
import { capitalised } from '../../text.js';
import { buttons, sections, type SlackMessage } from '../../slack-message.js';
import { requireDemo } from '../find-demo.js';
import type { Task } from '../flow.js';
import { withHost } from '../host-cluster.js';
import type { Handler } from '../job-run.js';
import { inspectDemo } from '../run-flow.js';
import { statusButtons } from '../slack/demo-buttons.js';
import { brief, describeState, lifetimeText } from '../slack/messages.js';
import { groupByStep, taskIcons, type TaskGroup } from '../slack/card/task-groups.js';
import { poolBlocks } from './pool/pool.js';
import { readyFlow } from './create/flow.js';

/** Checks the result of every step, without changing anything. */
export const status: Handler<'status'> = async (run) => {
  const { payload, config, slack, signal } = run;
  await withHost(run, async (host) => {
    const demo = withMissingPlaces(await requireDemo(host, run));
    const tasks = await inspectDemo(run, readyFlow, { host, demo, signal });
    const holder = await currentHolder(host, claimNamespace(host), demo.name, signal);
    const { text, blocks } = statusMessage(demo, tasks, holder, config);
    const { pairs } = await listDemos(host);
    await slack.whisper(payload.requester, { text, blocks: [...blocks, ...poolBlocks(pairs, config)] });
  });
};

export function statusMessage(
  demo: Demo,
  tasks: readonly Task[],
  holder: Holder | undefined,
  config: Pick<DemoConfig, 'autoPause'>,
): SlackMessage {
  const isPaused = demo.state === 'paused';
  const missing = tasks.filter(({ state }) => state === 'failed');
  const now = holder
    ? mrkdwn`Job \`${holder.jobId}\` has been working on it since ${slackTime(holder.since)}.`
    : `${capitalised(describeState(demo))}${isUnfinished(demo) ? ', and no job is working on it now' : ''}.`;
  const where =
    demo.pair &&
    mrkdwn` It was a warm pair; its namespaces in the host cluster: ${demo.places.map(({ namespace }) => namespace).join(', ')}.`;
  const lines = [...groupByStep(tasks).values()].map((group) => statusLine(group));
  const summary =
    missing.length === 0
      ? 'all parts are in place'
      : `${missing.length} of ${tasks.length} parts ${isPaused ? 'are not in place' : 'have problems'}`;
  const icon = missing.length === 0 ? ':white_check_mark:' : isPaused ? ':double_vertical_bar:' : ':warning:';
  const remedy =
    demo.state === 'deleting'
      ? mrkdwn`${commandLine(demo, 'delete')} finishes the deletion.`
      : isPaused
        ? mrkdwn`${commandLine(demo, 'resume')} starts it again.`
        : mrkdwn`${commandLine(demo, 'create')} restores what is missing.`;
  const next = missing.length > 0 && !holder && mrkdwn`\n*What to do:* ${remedy}`;
  return {
    text: plain(mrkdwn`Demo ${demo.name}: ${summary}`),
    blocks: [
      ...sections(
        mrkdwn`${icon} Demo *${demo.name}* of ${mention(demo.owner.id)}: ${summary}\n${now} ${lifetimeText(demo, config)}${where}${next}`,
      ),
      ...sections(joinMrkdwn(lines, '\n')),
      buttons(statusButtons(demo)),
    ],
  };
}

const isUnfinished = ({ state }: Demo): boolean => state === 'creating' || state === 'deleting';

function statusLine(tasks: TaskGroup): Mrkdwn {
  const [first] = tasks;
  const bad = tasks.filter(({ state }) => state !== 'done');
  const icon =
    bad.length === 0
      ? taskIcons.done
      : bad.some(({ state }) => state === 'failed')
        ? taskIcons.failed
        : taskIcons.waiting;
  const reasons = bad.flatMap(({ cluster, error }) =>
    error === undefined ? [] : [mrkdwn`\n        _${cluster ? `${cluster}: ` : ''}${brief(messageOf(error))}_`],
  );
  return mrkdwn`${icon} ${first.part ?? first.says}${joinMrkdwn(reasons, '')}`;
}

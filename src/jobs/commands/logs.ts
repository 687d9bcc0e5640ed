import { messageOf } from '../../errors.js';
import type { Cluster } from '../../k8s/client/cluster.js';
import { withMissingPlaces, type Demo, type VirtualClusterPlace } from '../../k8s/demo/demo.js';
import { logFile, readLogs, readWarnings, type LogSection } from '../../k8s/workloads/logs.js';
import { logParts, type LogPart } from '../../commands/words.js';
import { mrkdwn } from '../../mrkdwn.js';
import { redact } from '../../redact.js';
import type { DemoContext } from '../context.js';
import { partName, type Task } from '../flow.js';
import { requireDemo } from '../find-demo.js';
import { withDemoContext, withHost } from '../host-cluster.js';
import type { Handler, JobRun } from '../job-run.js';
import { inspectDemo } from '../run-flow.js';
import type { SlackFile } from '../slack/file-as-text.js';
import { findingsRules } from '../slack/files.js';
import { readyFlow } from './create/flow.js';
import { message } from '../slack/messages.js';

type LogsRun = JobRun<'logs'>;

/** Sends what a demo says of itself: in the thread of its card, if that is in the same channel, otherwise directly. */
export const logs: Handler<'logs'> = (run) =>
  withHost(run, async (host) => {
    const { payload, config, slack, signal } = run;
    const { requester, part, cluster } = payload;
    const demo = await requireDemo(host, run);
    const sections = await withDemoContext(run, { host, demo, signal }, (context) => collect(run, context));
    const file = logsFile(
      demo,
      [part, cluster].filter((word) => word !== undefined),
      sections,
    );
    const { card } = demo;
    if (card?.channel === requester.channelId) {
      const { withheld } = await slack.shareFile(requester, file, findingsRules(config, demo), card);
      const where = withheld ? mrkdwn`in your direct messages, because ${withheld}` : mrkdwn`in the thread of its card`;
      return await slack.whisper(
        requester,
        message(mrkdwn`:page_facing_up: The logs of demo *${demo.name}* are ${where}.`),
      );
    }
    await slack.sendFile(requester.userId, file);
    if (!requester.channelId.startsWith('D'))
      await slack.whisper(
        requester,
        message(mrkdwn`:page_facing_up: The logs of demo *${demo.name}* are in your direct messages.`),
      );
  });

export const logsFile = (
  { name, state }: Demo,
  words: readonly string[],
  sections: readonly LogSection[],
): SlackFile => ({
  filename: [name, ...words, 'logs.txt'].join('-'),
  content: logFile(sections),
  title: ['logs of', name, ...words].join(' '),
  comment: mrkdwn`:page_facing_up: The logs of demo *${name}* (${state})${words.length > 0 && `: ${words.join(', ')}`}. Secrets were removed, and only the last lines are kept.`,
});

async function collect(run: LogsRun, context: DemoContext): Promise<LogSection[]> {
  const { part, cluster } = run.payload;
  const places = context.demo.places.filter(({ name }) => cluster === undefined || name === cluster);
  const sections: LogSection[] = [];
  for (const wanted of part === undefined ? logParts : [part])
    sections.push(...(await sectionsOf(wanted, run, context, places)));
  return sections;
}

async function sectionsOf(
  part: LogPart,
  run: LogsRun,
  context: DemoContext,
  places: readonly VirtualClusterPlace[],
): Promise<LogSection[]> {
  const { host, connections } = context;
  if (part === 'step')
    return [
      await stepsSection(run, context),
      ...(await Promise.all(places.map(({ namespace }) => readWarnings(host, namespace)))),
    ];
  const ofEach = places.map(async ({ name, namespace }): Promise<LogSection[]> => {
    const what = `${name}, ${part}`;
    if (part === 'vcluster')
      return await readLogs(host, { what, namespace, labels: { app: 'vcluster', release: name } });
    let inside: Cluster;
    try {
      inside = await connections.connect({ name, namespace });
    } catch (error) {
      return [{ title: what, text: `The virtual cluster cannot be reached: ${messageOf(error)}` }];
    }
    const app = part === 'istiod' ? 'istiod' : 'istio-ingressgateway';
    return await readLogs(inside, { what, namespace: 'istio-system', labels: { app } });
  });
  return (await Promise.all(ofEach)).flat();
}

/** What every step of the creation finds. */
async function stepsSection(run: LogsRun, { host, demo }: DemoContext): Promise<LogSection> {
  const tasks = await inspectDemo(run, readyFlow, { host, demo: withMissingPlaces(demo), signal: run.signal });
  const lines = [`State: ${demo.state}${demo.problem ? ` (${demo.problem})` : ''}`, ...tasks.map(taskLine)];
  return { title: 'Steps', text: redact(lines.join('\n')) };
}

const taskLine = (task: Task): string => {
  const result = task.state === 'done' ? 'in place' : task.error === undefined ? task.state : messageOf(task.error);
  return `${partName(task)}: ${result}${task.note ? ` (${task.note})` : ''}`;
};

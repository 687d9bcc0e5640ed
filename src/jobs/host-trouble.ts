import { commandLine } from '../commands/command-line.js';
import type { JobName } from '../commands/job-payloads.js';
import { messageOf, Refusal, UserError } from '../errors.js';
import type { Cluster } from '../k8s/client/cluster.js';
import type { Demo } from '../k8s/demo/demo.js';
import { noteBreakage, withdrawNews, type HostTrouble } from '../k8s/demo/host-trouble.js';
import { joinMrkdwn, mrkdwn, slackTime } from '../mrkdwn.js';
import type { SlackMessage } from '../slack-message.js';
import type { FlowError } from './flow.js';
import type { JobRun } from './job-run.js';
import { brief, message } from './slack/messages.js';

/** How a demo broke. */
interface Broken {
  /** What happened to the demos: `stopped working`. */
  what: string;
  /** The reason, for this demo. */
  reason: string;
  /** What to do; the same for demos that broke for the same reason. */
  remedy: string;
}

/**
 * Tells the administrators' channel, if there is one, that the host cluster breaks several demos for the same reason: once,
 * by the worker that notices. Never throws.
 */
export async function noteBroken(
  { config, slack, log }: Pick<JobRun<JobName>, 'config' | 'slack' | 'log'>,
  host: Cluster,
  demo: Pick<Demo, 'name' | 'pair' | 'publicName'>,
  broken: Broken,
): Promise<void> {
  const { adminChannel } = config.slack;
  if (adminChannel === undefined) return;
  try {
    const trouble = await noteBreakage(host, { demo: demo.name, cause: causeOf(demo, broken), at: host.now() });
    if (trouble === undefined) return;
    await slack
      .announce(adminChannel, troubleMessage(trouble, broken, config.hostCluster))
      .catch(async (error: unknown) => {
        await withdrawNews(host, trouble);
        throw error;
      });
  } catch (error) {
    log.warn({ reason: messageOf(error) }, 'the administrators were not told that several demos are broken');
  }
}

/**
 * The same for demos that broke for the same reason, whatever they, their namespaces and their virtual clusters are called. A
 * demo's name may also be a word of the text, such as `a`, so it is replaced only where a name stands.
 */
export function causeOf(
  { name, pair = name, publicName = name }: Pick<Demo, 'name' | 'pair' | 'publicName'>,
  { what, remedy }: Pick<Broken, 'what' | 'remedy'>,
): string {
  const own = `(?:${[pair, publicName, name].join('|')})`;
  const besideCluster = `(?<![a-z0-9-])${own}(?=[.-]vc[12]\\b)|(?<=\\bvc[12][.-])${own}(?![a-z0-9-])`;
  const asName = `(?<=\\bdemo [*\`"]?|/vcdemo [a-z]+ )${own}(?![a-z0-9-])`;
  return `${what}: ${remedy}`
    .replaceAll(new RegExp(`${besideCluster}|${asName}`, 'g'), '…')
    .replaceAll(/\bvc[12]\b/g, 'vc…')
    .slice(0, 500);
}

/** Why the creation of a demo failed, unless that is about this demo alone. */
export function brokenByHost(error: FlowError): Broken | undefined {
  const [first] = error.failed;
  if (first === undefined || error.failed.some((task) => task.error instanceof Refusal || isOwnFault(task.error)))
    return undefined;
  const remedy = error.hint ?? `Compare the cards of these demos: all of them failed at "${first.says}".`;
  return { what: 'could not be created, for the same reason', reason: messageOf(first.error), remedy };
}

/** Whoever chose the name can choose another one. */
const isOwnFault = (error: unknown): boolean => error instanceof UserError && error.code === 'foreign-namespace';

export function troubleMessage(
  { since, demos }: HostTrouble,
  { what, reason, remedy }: Broken,
  hostCluster: string | undefined,
): SlackMessage {
  const where = hostCluster === undefined ? 'The host cluster' : `Host cluster ${hostCluster}`;
  return message(
    joinMrkdwn(
      [
        mrkdwn`:rotating_light: *${where} is breaking several demos:* since ${slackTime(since)}, ${demos.length} of them ${what}: ${joinMrkdwn(
          demos.map((demo) => mrkdwn`*${demo}*`),
          ', ',
        )}.`,
        mrkdwn`> ${brief(reason, 500)}`,
        mrkdwn`*What to do:* ${remedy}`,
        mrkdwn`You will not be told again until an hour has passed without a broken demo. ${commandLine({ hostCluster }, 'maintenance', 'on', '"reason"')} stops new demos meanwhile.`,
      ],
      '\n',
    ),
  );
}

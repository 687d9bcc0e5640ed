import type { DemoConfig } from '../../../config.js';
import { formatDuration } from '../../../duration.js';
import { publicNameOf, type Demo } from '../../../k8s/demo/demo.js';
import { hostnameOf } from '../../../k8s/virtual-cluster/hostnames.js';
import { publicEndpoint } from '../../../k8s/credentials/kubeconfig.js';
import { joinMrkdwn, mention, mrkdwn, plain, slackTime, type Mrkdwn } from '../../../mrkdwn.js';
import { buttons, sections, smallPrint, type CommandButton, type SlackMessage } from '../../../slack-message.js';
import { brief, firstLines, lifetimeText, onCluster, verdictText } from '../messages.js';
import { pausedButtons, readyButtons, readyMenu } from '../demo-buttons.js';

/*
 * The card of a demo: the one message in its channel, which always shows its current state. The card of a demo that is being
 * worked on is in working-card.ts. Everything else about the demo goes into the card's thread.
 */

/** The card of a demo that can be used. */
export function readyCard(demo: Demo, config: DemoConfig): SlackMessage {
  const { name, owner } = demo;
  const title = mrkdwn`Demo *${name}* of ${mention(owner.id)} is ready${onCluster(config)}`;
  const rest = [lifetimeText(demo, config, 'duration'), addressesText(demo, config), verdictText(demo)];
  return {
    text: plain(joinMrkdwn([mrkdwn`${title}.`, ...rest], ' ')),
    blocks: [
      ...sections(joinMrkdwn([mrkdwn`:white_check_mark: ${title}.`, ...rest], '\n')),
      buttons(readyButtons(demo, config), readyMenu(demo)),
    ],
  };
}

/** The card of a demo that is paused. */
export function pausedCard(demo: Demo, config: DemoConfig): SlackMessage {
  const { name, owner, paused } = demo;
  const title = mrkdwn`Demo *${name}* of ${mention(owner.id)} is paused${onCluster(config)}`;
  const since = paused && mrkdwn`Since ${slackTime(paused.since)} it has no pods; its volumes and keys are kept.`;
  const rest = joinMrkdwn([since, lifetimeText(demo, config)], ' ');
  return {
    text: plain(mrkdwn`${title}. ${rest}`),
    blocks: [...sections(mrkdwn`:double_vertical_bar: ${title}.\n${rest}`), buttons(pausedButtons(demo, config))],
  };
}

function addressesText(demo: Demo, config: DemoConfig): Mrkdwn {
  const [name, { places }] = [publicNameOf(demo), demo];
  if (config.exposure.kind === 'none')
    return mrkdwn`It has no public addresses: the thread says how to forward the ports.`;
  // Behind a port that tells them apart by name, both have the same.
  const apis = [...new Set(places.map((place) => publicEndpoint(config, name, place.name).server))];
  const app = config.helloworld.ingress.enabled && hostnameOf(config, 'app', name, 'vc1');
  return mrkdwn`${apis.length === 1 ? 'API' : 'APIs'}: ${apis.join(' · ')}${app && mrkdwn`\nhelloworld: ${app}`}`;
}

export interface Failed {
  /** `Creating demo *team-a* failed` */
  title: Mrkdwn;
  /** What failed, and why. */
  reasons: readonly string[];
  hint?: string | Mrkdwn | undefined;
  jobId: string;
  actions: readonly CommandButton[];
}

const shownFailures = 3;
/** Enough to act on; together they fit into a section. */
const shownReason = 700;

/** The card of a demo with which something failed: the step, the cluster, the reason and the remedy. */
export function failedCard({ title, reasons: all, hint, jobId, actions }: Failed): SlackMessage {
  const reasons = all.map((reason) => brief(reason, shownReason));
  const quoted = firstLines(
    reasons,
    shownFailures,
    (reason) => mrkdwn`> ${reason}`,
    (count) => mrkdwn`> and ${count} more`,
  );
  const remedy = hint && mrkdwn`*What to do:* ${hint}`;
  return {
    text: plain(joinMrkdwn([mrkdwn`${title}: ${reasons.slice(0, shownFailures).join('; ')}`, remedy], '\n')),
    blocks: [
      ...sections(joinMrkdwn([mrkdwn`:x: ${title}`, ...quoted, remedy], '\n')),
      buttons(actions),
      smallPrint(mrkdwn`Job \`${jobId}\` · details are in the thread`),
    ],
  };
}

/** The card of a demo that is gone; `how` is `has been`, or `expired and has been`. */
export function endedCard(
  { name, ready, created }: Pick<Demo, 'name' | 'ready' | 'created'>,
  { how, hasLeft, now }: { how: string; hasLeft: boolean; now: Date },
): SlackMessage {
  const ageMs = now.getTime() - (ready ?? created).getTime();
  const lived = ready ? `It lived for ${formatDuration(ageMs)}.` : 'It was never ready.';
  const left = hasLeft ? '. Its volumes are kept: see the thread.' : '; nothing is left of it.';
  const line = mrkdwn`Demo *${name}* ${how} deleted${left} ${lived}`;
  return { text: plain(line), blocks: sections(mrkdwn`:wastebasket: ${line}`) };
}

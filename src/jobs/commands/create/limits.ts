import { countOf } from '../../../text.js';
import { commandLine } from '../../../commands/command-line.js';
import { Refusal } from '../../../errors.js';
import type { DemoConfig } from '../../../config.js';
import type { Requester } from '../../../commands/payload.js';
import type { Demo } from '../../../k8s/demo/demo.js';
import type { DemoList } from '../../../k8s/demo/demo-record.js';
import { joinMrkdwn, mention, mrkdwn, slackTime, type Mrkdwn } from '../../../mrkdwn.js';

/**
 * Checks that a person who is no administrator may have another demo.
 * @throws Refusal `too-many-demos`, `host-full`, with the owners and the next demos to expire
 */
export function assertWithinLimits(
  { demos, unreadable }: DemoList,
  { userId }: Pick<Requester, 'userId'>,
  { limits }: Pick<DemoConfig, 'limits'>,
): void {
  const own = demos.filter(({ owner }) => owner.id === userId);
  const [first] = own;
  if (first && own.length >= limits.demosPerPerson)
    throw new Refusal('too-many-demos', `You already have ${countOf(own, 'demo')}, which is the limit per person.`, {
      hint: mrkdwn`${namesAndEnds(own)}. Delete one, for example with ${commandLine(first, 'delete')}, or wait until one expires.`,
    });
  const all = [...demos, ...unreadable];
  if (all.length >= limits.demos)
    throw new Refusal('host-full', `This host cluster has reached its limit of ${countOf(all, 'demo')}.`, {
      hint: mrkdwn`The next to expire: ${namesAndEnds(demos)}. \`/vcdemo list\` shows all of them with their owners.`,
    });
}

const shownDemos = 3;

function namesAndEnds(demos: readonly Demo[]): Mrkdwn {
  const soonest = demos
    .filter(({ paused }) => paused?.leftMs === undefined)
    .toSorted((a, b) => a.expires.getTime() - b.expires.getTime())
    .slice(0, shownDemos);
  return joinMrkdwn(
    soonest.map(
      ({ name, owner, expires }) => mrkdwn`${name} of ${mention(owner.id)}, which expires ${slackTime(expires)}`,
    ),
    '; ',
  );
}

import { countOf } from '../../../text.js';
import { commandLine } from '../../../commands/command-line.js';
import { Refusal } from '../../../errors.js';
import type { DemoConfig } from '../../../config.js';
import type { Requester } from '../../../commands/payload.js';
import type { Demo } from '../../../k8s/demo/demo.js';
import type { DemoList } from '../../../k8s/demo/demo-record.js';
import { isOnHold } from '../../../k8s/demo/demo-life.js';
import { joinMrkdwn, mention, mrkdwn, type Mrkdwn } from '../../../mrkdwn.js';
import { endText } from '../../slack/messages.js';

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
      hint: mrkdwn`${nextToExpire(demos)}\`/vcdemo list\` shows all of them with their owners.`,
    });
}

const shownDemos = 3;

function nextToExpire(demos: readonly Demo[]): Mrkdwn | false {
  const expiring = demos.filter((demo) => !isOnHold(demo));
  return expiring.length > 0 && mrkdwn`The next to expire: ${namesAndEnds(expiring)}. `;
}

/** The soonest; those whose lifetime is on hold come last. */
function namesAndEnds(demos: readonly Demo[]): Mrkdwn {
  const endOf = (demo: Demo) => (isOnHold(demo) ? Infinity : demo.expires.getTime());
  const soonest = demos.toSorted((a, b) => (endOf(a) < endOf(b) ? -1 : Number(endOf(a) > endOf(b))));
  return joinMrkdwn(
    soonest
      .slice(0, shownDemos)
      .map((demo) => mrkdwn`${demo.name} of ${mention(demo.owner.id)}, which ${endText(demo)}`),
    '; ',
  );
}

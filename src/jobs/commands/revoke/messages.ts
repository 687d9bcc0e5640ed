import type { Demo } from '../../../k8s/demo/demo.js';
import { createButtonOf, replaceKeysButton, type ButtonDemo } from '../../slack/demo-buttons.js';
import { commandLine } from '../../../commands/command-line.js';
import { joinMrkdwn, mention, mentionAny, mrkdwn, type Mrkdwn } from '../../../mrkdwn.js';
import { buttons, type SlackMessage } from '../../../slack-message.js';
import { firstLines, message } from '../../slack/messages.js';
import type { LeftOut } from './entitled.js';

export const revokeQuestion = ({ name }: Demo, person: string | undefined): Mrkdwn =>
  person === undefined
    ? mrkdwn`Replace all keys of demo *${name}*? Every kubeconfig and token stops working, its pods restart, and it is unavailable for about a minute.`
    : mrkdwn`Revoke ${mention(person)}'s access to demo *${name}*?`;

const mostDoors = 15;
const mostLeftOut = 15;

/** What else gives access, by virtual cluster, as `otherAccess` lists it. */
type Doors = Readonly<Record<string, readonly string[]>>;

interface PersonRevoked {
  person: string;
  /** Whether a channel has a kubeconfig of the demo, which is the same for all its readers. */
  isShared: boolean;
  doors: Doors;
}

/** Reports that a person's own access has ended, what still works for them, and other ways in that they may have left. */
export const personRevokedMessage = (demo: ButtonDemo, { person, isShared, doors }: PersonRevoked): SlackMessage => {
  const text = joinMrkdwn(
    [
      mrkdwn`:lock: The kubeconfig of ${mention(person)} for demo *${demo.name}* no longer works, and neither do their Dashboard tokens. They cannot get new ones.`,
      isShared &&
        mrkdwn`:warning: The kubeconfig that was shared in the channel still works for everybody who saved it, ${mention(person)} included.`,
      ...listed('Check these other ways in, which they could have created as an administrator', doors),
      mrkdwn`vcdemo cannot detect changes to the demo's own pods and roles, or tokens and certificates that they issued to themselves. ${commandLine(demo, 'revoke')} replaces all keys and ends ${isShared ? 'all of these' : 'those'} too; everybody else gets a new kubeconfig.`,
    ],
    '\n',
  );
  const { blocks, ...rest } = message(text);
  return { ...rest, blocks: [...blocks, buttons([replaceKeysButton(demo)])] };
};

export const everybodyRevokedMessage = (demo: string, doors: Doors, leftOut: readonly LeftOut[] = []): SlackMessage =>
  message(
    joinMrkdwn(
      [
        mrkdwn`:lock: Demo *${demo}* has new keys: earlier kubeconfigs and tokens no longer work. ${leftOut.length === 0 ? 'Everybody who had a kubeconfig has been sent a new one.' : 'Everybody who had a kubeconfig has been sent a new one, except:'}`,
        ...firstLines(leftOut, mostLeftOut, ({ to, why }) => mrkdwn`• ${mentionAny(to)}: ${why}`),
        ...listed('Check these bindings, which remain: they may let somebody in without a key', doors),
      ],
      '\n',
    ),
  );

/** Somebody cancelled the replacement of the keys. */
export function cancelledRevokeMessage(demo: ButtonDemo, by: string): SlackMessage {
  const { text, blocks } = message(
    mrkdwn`:octagonal_sign: ${mention(by)} cancelled the replacement of the keys of demo *${demo.name}*. Some keys may already be new, so parts of the demo may not work until you replace the keys again or repair it.`,
  );
  return { text, blocks: [...blocks, buttons([replaceKeysButton(demo), createButtonOf(demo, 'ready')])] };
}

function listed(title: string, doors: Doors): Mrkdwn[] {
  const all = Object.entries(doors).flatMap(([cluster, found]) => found.map((door) => ({ cluster, door })));
  if (all.length === 0) return [];
  return [mrkdwn`*${title}*:`, ...firstLines(all, mostDoors, ({ cluster, door }) => mrkdwn`• ${cluster}: ${door}`)];
}

import { joinMrkdwn, mention, mrkdwn, type Mrkdwn } from '../../../mrkdwn.js';
import type { SlackMessage } from '../../../slack-message.js';
import { message } from '../../slack/messages.js';

const mostDoors = 15;

/** What else gives access, by virtual cluster, as `otherAccess` lists it. */
type Doors = Readonly<Record<string, readonly string[]>>;

/** Reports that one person's access has ended, and lists other ways in that they may have left. */
export const personRevokedMessage = (demo: string, person: string, doors: Doors): SlackMessage =>
  message(
    joinMrkdwn(
      [
        mrkdwn`:lock: ${mention(person)} no longer has access to demo *${demo}* and cannot get a new kubeconfig.`,
        ...listed('Check these other ways in, which they may have created as an administrator', doors),
        mrkdwn`Tokens that they requested for ServiceAccounts leave no trace. \`/vcdemo revoke ${demo}\` without a name replaces the keys of the demo, which ends those too.`,
      ],
      '\n',
    ),
  );

export const everybodyRevokedMessage = (demo: string, doors: Doors): SlackMessage =>
  message(
    joinMrkdwn(
      [
        mrkdwn`:lock: Demo *${demo}* has new keys: earlier kubeconfigs and tokens no longer work. Everybody who had a kubeconfig has been sent a new one.`,
        ...listed('Check these bindings, which remain: they may let somebody in without a key', doors),
      ],
      '\n',
    ),
  );

function listed(title: string, doors: Doors): Mrkdwn[] {
  const all = Object.entries(doors).flatMap(([cluster, found]) => found.map((door) => mrkdwn`• ${cluster}: ${door}`));
  if (all.length === 0) return [];
  const more = all.length > mostDoors ? [mrkdwn`… and ${all.length - mostDoors} more`] : [];
  return [mrkdwn`*${title}*:`, ...all.slice(0, mostDoors), ...more];
}

import { escapeMrkdwn, type SlackMessage } from '../../../slack-message.js';
import { message } from '../../slack/messages.js';

const mostDoors = 15;

/** Reports that one person's access has ended, and lists by virtual cluster other ways in that they may have left. */
export function personRevokedMessage(
  demo: string,
  person: string,
  doors: Readonly<Record<string, readonly string[]>>,
): SlackMessage {
  const all = Object.entries(doors).flatMap(([cluster, found]) =>
    found.map((door) => `• ${cluster}: ${escapeMrkdwn(door)}`),
  );
  const listed = all.slice(0, mostDoors).join('\n');
  const more = all.length > mostDoors ? `\n… and ${all.length - mostDoors} more` : '';
  const rest =
    all.length === 0
      ? 'No other access was found in the demo.'
      : `*Check these other ways in*: as an administrator, they may have created them. \`/vcdemo revoke ${demo}\` without a name closes them all.\n${listed}${more}`;
  return message(
    `:lock: <@${person}> no longer has access to demo *${demo}* and cannot get a new kubeconfig.\n${rest}`,
  );
}

export const everybodyRevokedMessage = (demo: string): SlackMessage =>
  message(
    `:lock: Demo *${demo}* has new keys: earlier kubeconfigs and tokens no longer work. Everybody who had a kubeconfig has been sent a new one.`,
  );

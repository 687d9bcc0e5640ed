import { escapeMrkdwn, type SlackMessage } from '../../../slack-message.js';
import { message } from '../../slack/messages.js';

const mostDoors = 15;

/** What is said when one person's access has ended; what else they may have left is listed by virtual cluster. */
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
      ? 'Nothing else was found in it that gives access.'
      : `*Look at what else gives access*: as an administrator they may have made it. \`/vcdemo revoke ${demo}\` without a person ends it all.\n${listed}${more}`;
  return message(`:lock: <@${person}> has no access to demo *${demo}* any more, and gets no new kubeconfig.\n${rest}`);
}

export const everybodyRevokedMessage = (demo: string): SlackMessage =>
  message(
    `:lock: Demo *${demo}* has new keys: every earlier kubeconfig and token is refused. Those who had a kubeconfig have got a new one.`,
  );

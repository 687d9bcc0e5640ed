import type { WebClient } from '@slack/web-api';
import { messageOf } from '../../errors.js';
import type { SlackMessage } from '../../slack-message.js';
import type { ListenerContext } from './context.js';

/** Shows an answer where somebody gave a command or clicked; with `isReplacing`, in place of the message with the button. */
export async function respondOrLog(
  url: string,
  message: SlackMessage,
  { later, log, isReplacing = false }: Pick<ListenerContext, 'later' | 'log'> & { isReplacing?: boolean },
): Promise<void> {
  // It may have expired or been used up; that does not undo what the command did.
  await later
    .respond(url, { response_type: 'ephemeral', replace_original: isReplacing, ...message })
    .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'answer was not shown'));
}

/** Where somebody wrote, and who. */
export interface Place {
  channelId: string;
  userId: string;
  thread?: string | undefined;
}

/** Shows a message to one person, in the channel or thread where they wrote. */
export async function whisper(slack: WebClient, { channelId, userId, thread }: Place, reply: SlackMessage) {
  const own = { channel: channelId, user: userId, ...reply };
  await slack.chat.postEphemeral(thread === undefined ? own : { ...own, thread_ts: thread });
}

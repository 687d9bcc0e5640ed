import type { WebClient } from '@slack/web-api';
import { messageOf } from '../../errors.js';
import { errorCodeOf } from '../../slack/client.js';
import type { SlackMessage } from '../../slack-message.js';
import type { ListenerContext } from './context.js';

interface Answering extends Pick<ListenerContext, 'later' | 'log'> {
  /** It takes the place of the message with the button. */
  isReplacing?: boolean;
  thread?: string | undefined;
}

/** Shows an answer where somebody gave a command or clicked. */
export async function respondOrLog(
  url: string,
  message: SlackMessage,
  { later, log, isReplacing = false, thread }: Answering,
): Promise<void> {
  const where = { replace_original: isReplacing, ...(thread !== undefined && { thread_ts: thread }) };
  // It may have expired or been used up; that does not undo what the command did.
  await later
    .respond(url, { response_type: 'ephemeral', ...where, ...message })
    .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'answer was not shown'));
}

/** Where somebody wrote, and who. */
export interface Place {
  channelId: string;
  userId: string;
  thread?: string | undefined;
}

/** Shows a message to one person, in the channel or thread where they wrote; directly if the bot cannot write there. */
export async function whisper(slack: WebClient, { channelId, userId, thread }: Place, reply: SlackMessage) {
  const own = { channel: channelId, user: userId, ...reply };
  try {
    await slack.chat.postEphemeral(thread === undefined ? own : { ...own, thread_ts: thread });
  } catch (error) {
    if (errorCodeOf(error) === undefined) throw error;
    const { channel } = await slack.conversations.open({ users: userId });
    await slack.chat.postMessage({ channel: channel?.id ?? userId, ...reply });
  }
}

import type { RespondArguments, RespondFn } from '@slack/bolt';
import type { WebClient } from '@slack/web-api';
import { seconds } from '../../duration.js';
import type { SlackMessage } from '../../slack-message.js';
import { within } from '../../within.js';
import type { ListenerContext } from './context.js';

/** A response_url may have expired or been used up; that does not undo what the button did. */
export async function respondOrLog(
  respond: RespondFn,
  message: RespondArguments,
  { log, metrics }: Pick<ListenerContext, 'log' | 'metrics'>,
): Promise<void> {
  try {
    // A Lambda function answers only when its listeners are done, and Slack waits three seconds.
    await within(seconds(1), () => respond(message));
    metrics.slackCall('response_url', 'ok');
  } catch (error) {
    metrics.slackCall('response_url', 'error');
    log.warn({ err: error }, 'message with the button was not replaced');
  }
}

/** Where a mention was written, and by whom. */
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

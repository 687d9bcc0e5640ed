import type { RespondArguments, RespondFn } from '@slack/bolt';
import { seconds } from '../../duration.js';
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

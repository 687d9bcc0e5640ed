import type { RespondArguments, RespondFn } from '@slack/bolt';
import { seconds } from '../../duration.js';
import { within } from '../../within.js';
import type { ListenerContext } from './context.js';

/** A response_url may have expired or been used up; what the button did is done all the same. */
export async function respondOrLog(
  respond: RespondFn,
  message: RespondArguments,
  { log, metrics }: Pick<ListenerContext, 'log' | 'metrics'>,
): Promise<void> {
  try {
    // A function acknowledges only when its listeners are done, within the three seconds that Slack waits.
    await within(seconds(1), () => respond(message));
    metrics.slackCall('response_url', 'ok');
  } catch (error) {
    metrics.slackCall('response_url', 'error');
    log.warn({ err: error }, 'The message with the button could not be replaced');
  }
}

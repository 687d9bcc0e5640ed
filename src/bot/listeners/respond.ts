import type { RespondArguments, RespondFn } from '@slack/bolt';
import type { ListenerContext } from './context.js';

/** A response_url may have expired or been used up; what the button did is done all the same. */
export async function respondOrLog(
  respond: RespondFn,
  message: RespondArguments,
  { log, metrics }: Pick<ListenerContext, 'log' | 'metrics'>,
): Promise<void> {
  try {
    await respond(message);
    metrics.slackCall('response_url', 'ok');
  } catch (error) {
    metrics.slackCall('response_url', 'error');
    log.warn({ err: error }, 'The message with the button could not be replaced');
  }
}

import type { RespondArguments, RespondFn } from '@slack/bolt';
import type { Log } from '../../log.js';

/** A response_url may have expired or been used up; what the button did is done all the same. */
export async function respondOrLog(respond: RespondFn, message: RespondArguments, log: Log): Promise<void> {
  try {
    await respond(message);
  } catch (error) {
    log.warn({ err: error }, 'The message with the button could not be replaced');
  }
}

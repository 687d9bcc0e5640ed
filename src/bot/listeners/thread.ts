import * as z from 'zod';
import { requester } from '../../commands/payload.js';

const { thread: timestamp } = requester.shape;
const place = z.object({ ts: timestamp, message_ts: timestamp, thread_ts: timestamp }).optional();
const pressed = z.object({ container: place, message: place });

/**
 * The thread of the message with a button, where the person looks for the answer; undefined for a message that is in none. The
 * message above a thread says that it is in its own.
 * @param body a click, as Slack reports it
 */
export function threadOf(body: unknown): string | undefined {
  const { container, message } = pressed.safeParse(body).data ?? {};
  const { thread_ts: above, ts, message_ts: own = ts } = { ...message, ...container };
  return above === own ? undefined : above;
}

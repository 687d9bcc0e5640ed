import type { App } from '@slack/bolt';
import * as z from 'zod';
import { assertMember } from '../../access.js';
import { seconds } from '../../duration.js';
import { messageOf, UserError } from '../../errors.js';
import type { Log } from '../../log.js';
import type { Installation } from '../../slack/installation.js';
import type { People } from '../../slack/people.js';
import { within } from '../../within.js';
import { mrkdwn } from '../../mrkdwn.js';
import { messageOfParagraphs, type SlackMessage } from '../../slack-message.js';
import type { Later } from '../listeners/context.js';
import { respondOrLog, whisper, type Place } from '../listeners/respond.js';
import { threadOf } from '../listeners/thread.js';
import { replyToError } from '../reply.js';
import type { Answer } from './answers.js';
import type { Incoming } from './body.js';
import { assertInstalledThere, isExternal, originOf } from './origin.js';

/** Slack waits three seconds for an answer. */
const answerTimeoutMs = 2_800;
/** If Slack has not said by then who a person is, the worker checks it. */
const peopleTimeoutMs = seconds(1);

/** How a request is handled; neither promise rejects. */
interface Dispatched {
  /** The answer for Slack, as soon as a listener acknowledges. */
  answer: Promise<Answer>;
  /** Resolves when the listeners have finished. */
  done: Promise<void>;
}

interface DispatcherOptions {
  /** Throws a UserError while it is not known. */
  installation: () => Installation;
  people: People;
  /** `access.guests` of the configuration. */
  guests: boolean;
  /** Shows an answer to somebody who clicked or mentioned the bot. */
  later: Later;
  log: Log;
}

export type Dispatch = (incoming: Incoming) => Dispatched;

/** Passes verified requests to Bolt's listeners, if the person is allowed, and sees that each is answered in time. */
export function createDispatcher(app: App, options: DispatcherOptions): Dispatch {
  const { log } = options;
  // Errors are handled below, together with what the person reads.
  app.error((error) => Promise.reject(error));

  return (incoming) => {
    if (incoming.kind === 'sslCheck') return answered({ status: 200 });
    if (incoming.kind === 'challenge') return answered({ status: 200, body: { challenge: incoming.challenge } });
    let isAnswered = false;
    let settle!: (answer: Answer) => void;
    const acknowledged = new Promise<Answer>((resolve) => {
      settle = (answer) => {
        isAnswered = true;
        resolve(answer);
      };
    });
    const tell = async (reply: SlackMessage) => {
      settle(answerWith(incoming, reply));
      await respond(incoming, reply, options);
    };
    const listen = async () => {
      await assertWelcome(incoming, options);
      await app.processEvent({
        body: incoming.body,
        ack: (body?: string | object) => Promise.resolve(settle({ status: 200, body })),
      });
      if (!isAnswered) await tell(nobodyListens(incoming));
    };
    const done = listen().catch(async (error: unknown) => {
      if (isAnswered) log.error({ err: error }, 'listener failed after its answer');
      else await tell(replyToError(error, log));
    });
    const answer = within(answerTimeoutMs, () => acknowledged).catch(() => {
      log.error({ kind: incoming.kind }, 'listener did not answer in time');
      return answerWith(incoming, tooLate);
    });
    return { answer, done };
  };
}

const answered = (answer: Answer): Dispatched => ({ answer: Promise.resolve(answer), done: Promise.resolve() });

async function assertWelcome(
  incoming: Extract<Incoming, { body: unknown }>,
  { installation, people, guests, log }: DispatcherOptions,
): Promise<void> {
  const origin = originOf(incoming);
  const home = installation();
  assertInstalledThere(home, origin);
  const { userId } = origin;
  if (userId === undefined || guests) return;
  if (isExternal(home, origin)) assertMember('external', guests);
  try {
    const standing = await within(peopleTimeoutMs, () => people.standingOf(userId));
    // The worker checks again, and refuses people whom Slack does not know.
    if (standing !== 'unknown') assertMember(standing, guests);
  } catch (error) {
    if (error instanceof UserError) throw error;
    log.warn({ user: userId, reason: messageOf(error) }, 'cannot ask Slack who this person is; the worker will check');
  }
}

export function nobodyListens({ kind }: Pick<Incoming, 'kind'>): SlackMessage {
  const [what, next] =
    kind === 'command'
      ? ['vcdemo does not know this command.', 'Type `/vcdemo help`.']
      : ['This button belongs to an older version of vcdemo.', 'Type the command instead.'];
  return messageOfParagraphs([mrkdwn`:warning: ${what} ${next}`]);
}

const tooLate = messageOfParagraphs([
  mrkdwn`:warning: vcdemo could not answer in time. Your command may have been started anyway: check with \`/vcdemo list\`.`,
]);

/** The answer in the form in which Slack shows it to the person, if it shows one at all. */
function answerWith(incoming: Incoming, reply: SlackMessage): Answer {
  if (incoming.kind === 'command') return { status: 200, body: { response_type: 'ephemeral', ...reply } };
  if (incoming.kind !== 'interaction') return { status: 200 };
  switch (incoming.body.type) {
    case 'view_submission':
      return { status: 200, body: { response_action: 'update', view: modalOf(reply) } };
    case 'block_suggestion':
      return { status: 200, body: { options: [] } };
    case 'block_actions':
    case 'interactive_message':
      return { status: 200, body: { response_type: 'ephemeral', replace_original: false, ...reply } };
    default:
      return { status: 200 };
  }
}

const mention = z
  .object({ type: z.literal('app_mention'), user: z.string(), channel: z.string(), thread_ts: z.string().optional() })
  .transform(({ user, channel, thread_ts: thread }): Place => ({ userId: user, channelId: channel, thread }));

function modalOf({ blocks }: SlackMessage) {
  return { type: 'modal', title: { type: 'plain_text', text: 'vcdemo' }, blocks };
}

/** Posts the reply where the button or the mention is: Slack does not show the answer to a click or an event. */
async function respond(incoming: Incoming, reply: SlackMessage, { later, log }: DispatcherOptions): Promise<void> {
  if (incoming.kind === 'event') {
    const place = mention.safeParse(incoming.body.event).data;
    if (place)
      await whisper(later.slack, place, reply).catch((error: unknown) =>
        log.warn({ reason: messageOf(error) }, 'refusal was not shown'),
      );
    return;
  }
  if (incoming.kind !== 'interaction' || incoming.body.response_url === undefined) return;
  const { response_url: url, type } = incoming.body;
  if (type !== 'interactive_message') await respondOrLog(url, reply, { later, log, thread: threadOf(incoming.body) });
}

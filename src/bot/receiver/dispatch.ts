import type { App } from '@slack/bolt';
import { seconds } from '../../duration.js';
import { messageOf, UserError } from '../../errors.js';
import type { Log } from '../../log.js';
import type { SlackCallObserver } from '../../metrics.js';
import type { Installation } from '../../slack/installation.js';
import { assertMember, type People } from '../../slack/people.js';
import { within } from '../../within.js';
import { messageOfParagraphs, type SlackMessage } from '../../slack-message.js';
import { replyToError } from '../reply.js';
import type { Answer } from './answers.js';
import type { Incoming } from './body.js';
import { assertInstalledThere, isExternal, originOf } from './origin.js';

/** Slack waits three seconds for an answer. */
const answerTimeoutMs = 2_800;
/** Who is not known by then is looked at by the worker. */
const peopleTimeoutMs = seconds(1);
const respondTimeoutMs = seconds(1);

/** How a request is dealt with; neither promise rejects. */
export interface Dispatched {
  /** For Slack, as soon as a listener acknowledges. */
  answer: Promise<Answer>;
  /** When the listeners have ended. */
  done: Promise<void>;
}

export interface DispatcherOptions {
  installation: Installation;
  people: People;
  /** `access.guests` of the configuration. */
  guests: boolean;
  observe: SlackCallObserver;
  log: Log;
}

export type Dispatch = (incoming: Incoming) => Dispatched;

/** Hands requests that are known to be Slack's to Bolt's listeners: of the right people, and each answered in time. */
export function createDispatcher(app: App, options: DispatcherOptions): Dispatch {
  const { log } = options;
  // It is told here, with what the person reads.
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
      if (isAnswered) log.error({ err: error }, 'A listener failed after its answer');
      else await tell(replyToError(error, log));
    });
    const answer = within(answerTimeoutMs, () => acknowledged).catch(() => {
      log.error({ kind: incoming.kind }, 'A listener did not answer in time');
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
  assertInstalledThere(installation, origin);
  const { userId } = origin;
  if (userId === undefined || guests) return;
  if (isExternal(installation, origin)) assertMember('external', guests);
  try {
    const standing = await within(peopleTimeoutMs, () => people.standingOf(userId));
    // The worker asks again, and refuses whom Slack does not know.
    if (standing !== 'unknown') assertMember(standing, guests);
  } catch (error) {
    if (error instanceof UserError) throw error;
    log.warn({ user: userId, reason: messageOf(error) }, 'Slack could not be asked who this is: the worker will');
  }
}

function nobodyListens(incoming: Incoming): SlackMessage {
  const [what, next] =
    incoming.kind === 'command'
      ? ['vcdemo does not know this command.', 'Type `/vcdemo help`.']
      : ['This is of an older message that vcdemo does not know any more.', 'Type the command again.'];
  return messageOfParagraphs([`:warning: ${what} ${next}`]);
}

const tooLate = messageOfParagraphs([
  ':warning: vcdemo did not manage to answer in time. What you asked for may have been started: `/vcdemo list` shows it.',
]);

/** The answer by which the person reads the reply, where Slack shows an answer at all. */
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

function modalOf({ blocks }: SlackMessage) {
  return { type: 'modal', title: { type: 'plain_text', text: 'vcdemo' }, blocks };
}

/** Says it where the button is: Slack shows nothing of what a click is answered with. */
async function respond(incoming: Incoming, reply: SlackMessage, { observe, log }: DispatcherOptions): Promise<void> {
  if (incoming.kind !== 'interaction' || incoming.body.response_url === undefined) return;
  const { response_url: url, type } = incoming.body;
  if (type === 'interactive_message') return;
  try {
    const { ok, status } = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ response_type: 'ephemeral', replace_original: false, ...reply }),
      signal: AbortSignal.timeout(respondTimeoutMs),
    });
    if (!ok) throw new Error(`HTTP ${status}`);
    observe('response_url', 'ok');
  } catch (error) {
    observe('response_url', 'error');
    log.warn({ reason: messageOf(error) }, 'The refusal could not be shown');
  }
}

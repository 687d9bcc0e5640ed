import type { App } from '@slack/bolt';
import type { HomeView, WebClient } from '@slack/web-api';
import type { Requester } from '../../commands/payload.js';
import { messageOf } from '../../errors.js';
import { mrkdwn } from '../../mrkdwn.js';
import { messageOfParagraphs, type SlackMessage } from '../../slack-message.js';
import type { EnqueueOptions } from '../queue.js';
import { replyToError } from '../reply.js';
import type { ListenerContext } from './context.js';
import { watchUntaken } from './watch.js';

/**
 * The app's Home. The bot knows no demos, so it shows something at once if there is nothing yet, and a worker fills it; it
 * also refreshes the Homes of those who have opened theirs lately.
 */
export function listenForHome(app: App, context: ListenerContext): void {
  app.event('app_home_opened', async ({ event, body }) => {
    if (event.tab !== 'home') return;
    const requester = { userId: event.user, userName: '', channelId: event.channel };
    const isEmpty = event.view === undefined;
    if (isEmpty) await publishNow(context, requester, starting);
    // Whoever opens and closes it causes one job.
    const repeatId = `home ${event.user}`;
    // What was shown before is worth more than that there is nothing newer.
    const tell = (message: SlackMessage) => (isEmpty ? publishNow(context, requester, message) : Promise.resolve());
    await fillHome(context, requester, { dedupeId: body.event_id, repeatId, tell });
  });
}

/** Not later: it would take the place of what the worker has shown meanwhile. */
const publishNow = (context: ListenerContext, requester: Requester, message: SlackMessage) =>
  publish(context, context.slack, requester, message);

const starting = messageOfParagraphs([mrkdwn`:hourglass_flowing_sand: Looking for your demos…`]);

interface Filling extends EnqueueOptions {
  /** Says that no worker does it. */
  tell(message: SlackMessage): Promise<unknown>;
}

/** Lets a worker fill somebody's Home with the demos of a host cluster, the first by default. */
export async function fillHome(
  context: ListenerContext,
  requester: Requester,
  { hostCluster = context.demoConfig.clusters[0], tell, ...ids }: Filling,
): Promise<void> {
  const { queues, log } = context;
  try {
    await queues.noteViewer(requester, hostCluster);
    const request = { name: 'home', payload: { requester } } as const;
    const id = await queues.enqueue(request, { ...ids, hostCluster });
    watchUntaken([{ id, name: request.name, hostCluster }], context, tell);
  } catch (error) {
    await publish(context, context.later.slack, requester, replyToError(error, log));
  }
}

async function publish(
  { log }: ListenerContext,
  slack: WebClient,
  { userId, channelId }: Requester,
  { blocks }: SlackMessage,
) {
  const view: HomeView = { type: 'home', private_metadata: channelId, blocks };
  await slack.views.publish({ user_id: userId, view }).catch((error: unknown) => {
    log.warn({ user: userId, reason: messageOf(error) }, 'Home was not shown');
  });
}

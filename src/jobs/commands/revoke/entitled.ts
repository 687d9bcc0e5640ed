import { messageOf, Refusal } from '../../../errors.js';
import { slackUserId, type Requester } from '../../../commands/payload.js';
import type { Receiver } from '../../slack/files.js';
import { assertMayAsk, type RequesterCheck } from '../../worker/requester-check.js';

/** Somebody who had a kubeconfig, and why they get no new one, as the end of a sentence. */
export interface LeftOut {
  to: string;
  why: string;
}

interface Entitled {
  entitled: Receiver[];
  leftOut: LeftOut[];
}

/**
 * Who of those who had a kubeconfig may have a new one: each person is checked as if they asked for it now, in the channel of
 * the requester. For a channel, `shareFile` checks its readers.
 */
export async function entitledOf(
  receivers: readonly Receiver[],
  { channelId }: Pick<Requester, 'channelId'>,
  check: Omit<RequesterCheck, 'command'>,
): Promise<Entitled> {
  const found: Entitled = { entitled: [], leftOut: [] };
  for (const receiver of receivers) {
    const why = await whyNot(receiver.to, channelId, check);
    if (why === undefined) found.entitled.push(receiver);
    else found.leftOut.push({ to: receiver.to, why });
  }
  return found;
}

async function whyNot(
  to: string,
  channelId: string,
  check: Omit<RequesterCheck, 'command'>,
): Promise<string | undefined> {
  if (!slackUserId.safeParse(to).success) return undefined;
  try {
    await assertMayAsk({ userId: to, userName: '', channelId }, { ...check, command: 'kubeconfig' });
    return undefined;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    check.log.info({ user: to, reason: messageOf(error) }, 'no new kubeconfig for this person');
    return error.code === 'not-known' ? 'Slack does not say who they are' : 'they may not use vcdemo';
  }
}

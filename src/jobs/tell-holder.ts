import type { Requester } from '../commands/payload.js';
import type { Holder } from '../k8s/claim.js';
import { beingWorkedOnMessage } from './slack/messages.js';
import type { Slack } from './slack/slack.js';

interface Waiting {
  slack: Pick<Slack, 'whisper'>;
  payload: { demo: string; requester: Requester };
}

/** For `withClaimedDemo`: tells whoever gave the command which job is working on the demo. */
export const tellHolder =
  ({ slack, payload }: Waiting) =>
  (holder: Holder): Promise<void> =>
    slack.whisper(payload.requester, beingWorkedOnMessage(payload.demo, holder));

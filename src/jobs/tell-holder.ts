import type { Requester } from '../commands/payload.js';
import type { DemoConfig } from '../config.js';
import type { Holder } from '../k8s/demo/lease.js';
import { namedDemo } from './find-demo.js';
import { beingWorkedOnMessage } from './slack/messages.js';
import type { Slack } from './slack/slack.js';

interface Waiting {
  config: DemoConfig;
  slack: Pick<Slack, 'whisper'>;
  payload: { demo: string; requester: Requester };
}

/** For `withClaimedDemo`: tells whoever gave the command which job is working on the demo. */
export const tellHolder =
  (run: Waiting) =>
  (holder: Holder): Promise<void> =>
    run.slack.whisper(run.payload.requester, beingWorkedOnMessage(namedDemo(run), holder));

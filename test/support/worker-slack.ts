import { createSlack, type Slack } from '../../src/jobs/slack/slack.js';
import { createLog } from '../../src/log.js';
import { createSlackClient, type SlackCallOptions } from '../../src/slack/client.js';
import { createNewBlocks } from '../../src/slack/new-blocks.js';
import { peopleAround } from '../../src/slack/people.js';
import type { SlackWorkspace } from './slack.js';

/** How a worker talks to people of a workspace. */
export function workerSlack(
  { botToken: token, apiUrl }: Pick<SlackWorkspace, 'botToken' | 'apiUrl'>,
  options: Partial<SlackCallOptions> = {},
): Slack {
  const log = createLog('test', 'silent');
  const client = createSlackClient({ token, apiUrl, observe: () => undefined, ...options });
  return createSlack({ client, people: peopleAround(client), newBlocks: createNewBlocks({ log }), log });
}

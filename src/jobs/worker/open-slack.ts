import type { WorkerSettings } from '../../config.js';
import { hours, minutes, seconds } from '../../duration.js';
import type { Log } from '../../log.js';
import type { WorkerMetrics } from '../../metrics.js';
import { createSlackClient } from '../../slack/client.js';
import { createNewBlocks } from '../../slack/new-blocks.js';
import { createPaces } from '../../slack/paces.js';
import { peopleAround, type People } from '../../slack/people.js';
import { watchToken } from '../../slack/token-watch.js';
import { createSlack, type Slack } from '../slack/slack.js';

/** How long the end of a command waits for Slack: longer than outages last, and shorter than jobs are accepted. */
const slackPatienceMs = hours(12);

/**
 * Slack may have posted a message that it answers with an error, so it is repeated rarely; but a person who hears nothing is
 * worse off than one who hears it twice.
 */
const visiblePausesMs = [0, seconds(30), minutes(2), minutes(10), hours(1)];

interface OpenedSlack {
  slack: Slack;
  /** Waits while Slack is away, until the worker stops or `lost` is aborted. */
  patientSlack(lost?: AbortSignal): Slack;
  people: People;
  /** Why Slack does not accept the token, for operators; undefined while it does. */
  problem(): string | undefined;
}

/** How a worker talks to Slack: its calls share the rate limits, and what is known about people and blocks. */
export function openSlack(
  settings: WorkerSettings,
  { metrics, stopped, log }: { metrics: WorkerMetrics; stopped: AbortSignal; log: Log },
): OpenedSlack {
  const tokenWatch = watchToken(log);
  const options = {
    ...{ token: settings.SLACK_BOT_TOKEN, apiUrl: settings.SLACK_API_URL, observe: metrics.slackCall },
    ...{ paces: createPaces(), tokenWatch },
  };
  const client = createSlackClient(options);
  // So that operators learn at the start, not with the first command, that Slack rejects the token.
  void createSlackClient({ ...options, attempts: 1 })
    .auth.test()
    .catch(() => undefined);
  const patientClient = (signal: AbortSignal) =>
    createSlackClient({
      ...{ ...options, visiblePausesMs, signal },
      ...{ patienceMs: slackPatienceMs, outlastsRejection: true },
    });
  const people = peopleAround(patientClient(stopped));
  const parts = { people, newBlocks: createNewBlocks({ log, observe: metrics.blockRefusal }), log };
  return {
    people,
    problem: tokenWatch.problem,
    slack: createSlack({ client, ...parts }),
    patientSlack(lost) {
      const signal = lost ? AbortSignal.any([stopped, lost]) : stopped;
      return createSlack({ client: patientClient(signal), quick: client, ...parts });
    },
  };
}

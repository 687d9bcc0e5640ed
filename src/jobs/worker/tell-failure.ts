import { commandOf, namedDemoIn } from '../../commands/job-payloads.js';
import { messageOf, Refusal, UserError } from '../../errors.js';
import { ApiError } from '../../k8s/client/api-errors.js';
import type { Log } from '../../log.js';
import { mrkdwn, type Mrkdwn } from '../../mrkdwn.js';
import { hintOf } from '../hint.js';
import { FlowFailed } from '../run-flow.js';
import type { CardPlace } from '../slack/card/publish-card.js';
import type { Slack } from '../slack/slack.js';
import { failureMessage, type Failure } from '../slack/messages.js';
import type { ReadJob } from './read-job.js';

/** What is known about a job that failed. */
export type FailedJob = Pick<ReadJob, 'id' | 'name' | 'payload'>;

/**
 * Tells people why their job failed; all failures of all jobs are reported here. False if Slack did not take it.
 * @param card the demo's card, in whose thread it is told
 */
export async function tellFailure(
  { slack, log }: { slack: Slack; log: Log },
  job: FailedJob,
  error: unknown,
  card?: CardPlace,
): Promise<boolean> {
  const asker = 'requester' in job.payload ? job.payload.requester : undefined;
  const audience = error instanceof FlowFailed ? error.audience : asker;
  if (audience === undefined) return true;
  const failure = failureOf(job, error);
  try {
    if (job.name === 'home' && asker) {
      await slack.publishHome(asker, failureMessage({ ...failure, title: mrkdwn`Your demos cannot be shown` }).blocks);
      return true;
    }
    // Only the person who made a mistake sees it.
    if (error instanceof Refusal && asker) await slack.whisper(asker, failureMessage({ ...failure, isRefusal: true }));
    else {
      const place = error instanceof FlowFailed ? error.card?.place() : card;
      await slack.reply(place, audience, failureMessage({ ...failure, mention: audience.userId }));
    }
    return true;
  } catch (postError) {
    log.error({ err: postError }, 'failure was not reported in Slack');
    return false;
  }
}

function failureOf({ id: jobId, ...job }: FailedJob, error: unknown): Failure {
  const { payload } = job;
  const name = commandOf(job) ?? job.name;
  const demo = namedDemoIn(payload);
  const command = demo === undefined ? name : `${name} ${demo}`;
  const title = error instanceof FlowFailed ? error.title : mrkdwn`\`${command}\` failed`;
  const reason = messageOf(error);
  return { title, reasons: reason.split('\n'), hint: hintFor(error), jobId };
}

function hintFor(error: unknown): string | Mrkdwn | undefined {
  if (error instanceof UserError) return error.slackHint;
  const hint = hintOf(error);
  if (hint !== undefined) return hint;
  if (error instanceof ApiError && error.status === 403)
    return "Grant the worker's account that permission, then try again.";
  return 'Try again. If that does not help, give the job ID below to the vcdemo operators.';
}

import { randomBytes } from 'node:crypto';
import type { JobName } from '../commands/job-payloads.js';
import { Refusal, UserError } from '../errors.js';
import type { Log } from '../log.js';
import type { CommandOutcome } from '../metrics.js';
import { joinMrkdwn, mrkdwn, type Mrkdwn } from '../mrkdwn.js';
import { startsInText, type Turn } from '../queue-turn.js';
import { buttons, messageOfParagraphs, type SlackMessage } from '../slack-message.js';

/** For a command that no worker has taken for a while. */
export function untakenReply(
  waiting: readonly (Turn & { id: string; name: JobName; cancelledBy?: string | undefined })[],
): SlackMessage {
  const what = isForHome(waiting) ? 'Your Home tab' : 'Your command';
  const [last] = waiting.toSorted((a, b) => b.before - a.before);
  const [cancelledBy] = waiting.flatMap((job) => job.cancelledBy ?? []);
  const { text, blocks } = messageOfParagraphs(
    [mrkdwn`:hourglass_flowing_sand: ${what} is still waiting for a worker. ${last && turnText(last)}`],
    mrkdwn`Job ${idsOf(waiting)}; if nothing happens, the vcdemo operators can check the workers.`,
  );
  return {
    text,
    blocks: cancelledBy === undefined ? blocks : [...blocks, buttons([{ label: 'Cancel', value: cancelledBy }])],
  };
}

/** For a command that was accepted, and of which Redis knows nothing any more; a worker may have taken it before that. */
export function lostReply(lost: readonly { id: string; name: JobName }[]): SlackMessage {
  const next = isForHome(lost)
    ? 'If your Home tab is not filled within a minute, open it again.'
    : 'If nothing happens within a minute, give your command again.';
  return messageOfParagraphs(
    [mrkdwn`:warning: The job queue (Redis) has lost your command, for example in a failover. ${next}`],
    mrkdwn`Job ${idsOf(lost)}`,
  );
}

const isForHome = (jobs: readonly { name: JobName }[]): boolean => jobs.every(({ name }) => name === 'home');

const idsOf = (jobs: readonly { id: string }[]): Mrkdwn =>
  joinMrkdwn(
    jobs.map(({ id }) => mrkdwn`\`${id}\``),
    ', ',
  );

function turnText({ before, startsInMs }: Turn): string {
  const place =
    before === 0
      ? 'It is next in line'
      : before === 1
        ? 'One command is ahead of it'
        : `${before} commands are ahead of it`;
  return startsInMs === undefined
    ? `${place}, and it will be answered as soon as a worker is free.`
    : `${place}, and it should start ${startsInText(startsInMs)}.`;
}

/** Says what failed, why, and what to do next. For a defect it gives only a reference; the stack goes to the log. */
export function replyToError(error: unknown, log: Log): SlackMessage {
  if (error instanceof UserError) {
    log.info({ code: error.code, reason: error.message }, 'command refused');
    return messageOfParagraphs([
      mrkdwn`:warning: ${error.message}`,
      ...(error.slackHint === undefined ? [] : [mrkdwn`${error.slackHint}`]),
    ]);
  }
  const reference = randomBytes(4).toString('hex');
  log.error({ err: error, reference }, 'listener failed');
  return messageOfParagraphs([
    mrkdwn`:boom: An internal error occurred in vcdemo.`,
    mrkdwn`Your command may not have been started. Give the vcdemo operators the reference \`${reference}\`; the log has the details.`,
  ]);
}

/** Whether it is up to the person to correct something, or up to the operators. */
export const outcomeOf = (error: unknown): CommandOutcome => (error instanceof Refusal ? 'refused' : 'failed');

import { commandWords } from '../../commands/command-line.js';
import type { Command } from '../../commands/command.js';
import { joinWords, normaliseCommandText, splitWords } from '../../commands/normalise.js';
import { parseCommand } from '../../commands/parse.js';
import { isRemovable, isJobCommand, jobOf, jobs, type JobName } from '../../commands/job-payloads.js';
import type { QueueKind, Requester } from '../../commands/payload.js';
import { requestsFor } from '../../commands/requests.js';
import { commands, usageOf } from '../../commands/table.js';
import { seconds } from '../../duration.js';
import { Refusal, UserError } from '../../errors.js';
import { jobSuffix } from '../../job-queue.js';
import type { Log } from '../../log.js';
import type { CommandOutcome } from '../../metrics.js';
import { mrkdwn, type Mrkdwn } from '../../mrkdwn.js';
import { messageOfParagraphs, type SlackMessage } from '../../slack-message.js';
import { traced } from '../../tracing.js';
import { helpReply } from '../help.js';
import type { JobQueues } from '../queue.js';
import { assertMayGive } from '../role.js';
import { outcomeOf, replyToError } from '../reply.js';
import type { ListenerContext } from './context.js';

/** A command that somebody typed, or for which they pressed a button. */
export interface GivenCommand {
  /** The text after `/vcdemo`. */
  text: string;
  requester: Requester;
  /** The same for every delivery of one command, so that it is run only once. */
  dedupeId: string;
  /** The person has confirmed the command. */
  isConfirmed?: boolean;
  /** Written under a message, so that a demo need not be named. */
  isInThread?: boolean;
  /** A click: the same one within seconds is an accident, whatever it does. */
  isClick?: boolean;
  /** Where the progress is shown, if not in the channel where the command was given. */
  where?: Mrkdwn;
}

export interface Answer {
  /** Undefined if the worker's answer is the only one. */
  reply: SlackMessage | undefined;
  outcome: CommandOutcome;
  /** What went wrong, if the person or the operators can do something about it. */
  problem?: UserError;
  /** What a worker will answer. */
  jobs?: readonly EnqueuedJob[];
}

export interface EnqueuedJob {
  id: string;
  name: JobName;
  hostCluster: string | undefined;
  /** The command that takes it off its queue, if one can. */
  cancelledBy?: string | undefined;
}

/** Does what the command's row in the table says, and counts it. Never throws: a failure becomes the answer. */
export async function answerCommand(given: GivenCommand, context: ListenerContext): Promise<Answer> {
  const { requester } = given;
  const log = context.log.child({ user: requester.userId, channel: requester.channelId });
  let name = 'invalid';
  try {
    context.rateLimit(requester.userId);
    const { ttl, clusters } = context.demoConfig;
    const parsed = parseCommand(given.text, {
      maxTtlMs: ttl.max,
      clusters,
      isInThread: given.isInThread ?? false,
    });
    name = parsed.name;
    const answer = await traced(`/vcdemo ${name}`, { 'vcdemo.user': requester.userId }, () =>
      answerParsed(parsed, given, { ...context, log }),
    );
    context.metrics.commands.inc({ command: name, outcome: answer.outcome });
    // The end of one that a worker has to run is in the worker's log.
    if (answer.outcome !== 'accepted')
      auditCommand(log, { by: requester.userId, command: name, outcome: answer.outcome });
    return answer;
  } catch (error) {
    const outcome = outcomeOf(error);
    context.metrics.commands.inc({ command: name, outcome });
    const code = error instanceof UserError ? error.code : undefined;
    auditCommand(log, { by: requester.userId, command: name, outcome, code });
    return { reply: replyToError(error, log), outcome, ...(error instanceof UserError && { problem: error }) };
  }
}

interface EndedCommand {
  by: string;
  command: string;
  outcome: CommandOutcome;
  /** Why it was refused or failed. */
  code?: string | undefined;
}

const auditCommand = (log: Log, ended: EndedCommand): void =>
  log.info({ audit: true, act: 'command', ...ended }, `${ended.command}: ${ended.outcome}`);

/** @throws Refusal `too-many-waiting` */
async function assertNotTooManyWaiting(
  queues: JobQueues,
  userId: string,
  most: number,
  kind: QueueKind,
): Promise<void> {
  const waiting = await queues.waitingOf(userId, most, kind);
  if (waiting < most) return;
  throw new Refusal('too-many-waiting', `${waiting} of your commands are already waiting for a worker.`, {
    hint: 'Try again when some of them are done.',
  });
}

async function answerParsed(
  parsed: ReturnType<typeof parseCommand>,
  { text, requester, dedupeId, isConfirmed = false, isClick = false, where }: GivenCommand,
  { queues, demoConfig, people, log, isMomentary = false }: ListenerContext,
): Promise<Answer> {
  const { clusters, access } = demoConfig;
  const { name, demo, on } = parsed;
  const { asks, accepted }: Command = commands[name];
  const commandLine = joinWords(splitWords(normaliseCommandText(text)));
  if (!isJobCommand(name)) return { outcome: 'answered', reply: helpReply(clusters, parsed.topic) };
  const role = await assertMayGive(name, requester, { access, people, log });
  const isSearched = on === undefined && clusters.length > 1;
  const job = jobOf(name, { flags: parsed.flags, isConfirmed, isSearched });
  if (asks !== undefined && isConfirmed && on === undefined && clusters.length > 0)
    throw new Refusal('unknown-cluster', 'The host clusters have changed since this question was asked.', {
      hint: `Run \`/vcdemo ${usageOf(name).split(' ')[0]} ${demo}\` again.`,
    });
  // By kind of queue, so that waiting creates or questions do not keep anybody from deleting.
  const { queue } = jobs[job];
  if (role !== 'admin')
    await assertNotTooManyWaiting(queues, requester.userId, demoConfig.limits.waitingPerPerson, queue);
  const isQuick = queue === 'verification';
  // What only looks may be typed again at once, and a question may be asked again after it was answered with no.
  const isOnce = !isQuick || (job !== 'question' && (isClick || doesChange(parsed)));
  const repeatId = isOnce
    ? [requester.userId, requester.channelId, requester.thread, commandLine].join(' ')
    : undefined;
  // Before the acknowledgement: an acknowledged command must not be lost.
  const enqueued = await Promise.all(
    requestsFor({ ...parsed, name }, requester, clusters, job).map(async ({ request, hostCluster }) => ({
      id: await queues.enqueue(request, { dedupeId, repeatId, hostCluster }),
      name: request.name,
      hostCluster,
      cancelledBy: isRemovable(job)
        ? commandWords({ name: parsed.isUnnamed ? undefined : demo, hostCluster }, 'cancel')
        : undefined,
    })),
  );
  log.info({ jobs: enqueued.map(({ id }) => id) }, 'command enqueued');
  const acknowledgement =
    job === 'question'
      ? mrkdwn`Looking up demo *${demo}*.`
      : job === 'preflight'
        ? mrkdwn`Checking whether anything would stop a create.`
        : accepted?.(parsed.isUnnamed ? undefined : demo, where ?? mrkdwn`this channel`);
  // One message for a question: the worker's answer, unless nothing can be said later.
  const isSilent = (isQuick && !isMomentary) || parsed.ofThread;
  const isRepeated = enqueued.some(({ id }) => !id.endsWith(jobSuffix(dedupeId)));
  const said = isSilent ? isRepeated && alreadyGiven : acknowledgement;
  return { outcome: 'accepted', reply: said ? messageOfParagraphs([said]) : undefined, jobs: enqueued };
}

/** For what may be clicked again soon. */
export const doubleClickMs = seconds(2);

/** Whether a quick command changes something: those of administrators without words only show it. */
function doesChange({ name, flags }: ReturnType<typeof parseCommand>): boolean {
  const { who }: Command = commands[name];
  return who === 'owner' || who === 'shared' || (who === 'admins' && Object.keys(flags).length > 0);
}

const alreadyGiven = mrkdwn`:information_source: You sent this command a moment ago. It runs only once, with one answer.`;

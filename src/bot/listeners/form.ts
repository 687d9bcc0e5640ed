import type { App, ViewSubmitAction } from '@slack/bolt';
import { commandWords } from '../../commands/command-line.js';
import type { Requester } from '../../commands/payload.js';
import { commands } from '../../commands/table.js';
import { seconds } from '../../duration.js';
import { messageOf, Refusal } from '../../errors.js';
import { mrkdwn } from '../../mrkdwn.js';
import { messageOfParagraphs, type SlackMessage } from '../../slack-message.js';
import { within } from '../../within.js';
import {
  commandLineOf,
  contentOf,
  createForm,
  formAnswer,
  formId,
  problemsIn,
  withoutFormat,
  type Field,
} from '../form.js';
import { replyToError } from '../reply.js';
import { assertIsIn, assertMayGive } from '../role.js';
import { answerCommand, type Answer, type GivenCommand } from './answer-command.js';
import type { ListenerContext } from './context.js';
import { whisper } from './respond.js';
import { watchUntaken } from './watch.js';

/** Slack waits three seconds for the acknowledgement, and a trigger lasts no longer. */
const openTimeoutMs = seconds(1.7);

interface FormRequest {
  triggerId: string;
  requester: Requester;
  isAtHome?: boolean;
  /** The command that the form stands for, of which only the host cluster matters. */
  text?: string;
}

/** Opens the form, which asks neither Redis nor a cluster; otherwise says why not: Slack does not, or the person may not create. */
export async function openForm(
  { slack, people, demoConfig, log }: ListenerContext,
  { triggerId, requester, isAtHome = false, text = '' }: FormRequest,
): Promise<SlackMessage | undefined> {
  const { userId, channelId } = requester;
  try {
    // At Home a channel has yet to be picked.
    if (!isAtHome) await assertMayGive('create', requester, { access: demoConfig.access, people, log });
    const hostCluster = demoConfig.clusters.find((name) => commandWords({ hostCluster: name }, 'create') === text);
    const view = createForm({ config: demoConfig, channelId, picksChannel: isAtHome, hostCluster });
    await within(openTimeoutMs, () => slack.views.open({ trigger_id: triggerId, view }));
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return replyToError(error, log);
    log.warn({ user: userId, reason: messageOf(error) }, 'form was not opened');
    return notOpened(error);
  }
}

const notOpened = (error: unknown): SlackMessage =>
  messageOfParagraphs([
    mrkdwn`:warning: Slack did not open the form: ${messageOf(error)}. Try again, or type \`/vcdemo ${commands.create.example}\`.`,
  ]);

/** The submitted form is the command that it stands for. What is wrong is said at its field, and the form stays open. */
export function listenForForm(app: App, context: ListenerContext): void {
  app.view<ViewSubmitAction>({ callback_id: formId, type: 'view_submission' }, async ({ body, ack }) => {
    const acknowledged = context.metrics.acknowledgement.startTimer();
    const { user, view } = body;
    const { ttl, clusters } = context.demoConfig;
    const content = contentOf(view.state.values);
    const refuse = async (errors: Partial<Record<Field, string>>) => {
      await ack({ response_action: 'errors', errors });
      acknowledged();
    };
    const problems = problemsIn(content, { maxTtlMs: ttl.max, clusters });
    if (Object.keys(problems).length > 0) return await refuse(problems);
    const channelId = content.channel ?? view.private_metadata;
    const requester = { userId: user.id, userName: user.name, channelId };
    // The same form submitted twice is one command.
    const given = { text: commandLineOf(content), requester, dedupeId: view.id };
    const { reply, problem, jobs } = await answerForm(given, content.channel, context);
    if (problem) {
      const field = problem.code === 'not-allowed' && 'channel' in view.state.values ? 'channel' : 'demo';
      return await refuse({ [field]: withoutFormat([problem.message, problem.hint].filter(Boolean).join(' ')) });
    }
    await ack({ response_action: 'update', view: formAnswer(reply ?? messageOfParagraphs([mrkdwn`Started.`])) });
    acknowledged();
    watchUntaken(jobs, context, (message) => whisper(context.later.slack, requester, message));
  });
}

/** @param picked the channel that the person picked, if they did */
async function answerForm(given: GivenCommand, picked: string | undefined, context: ListenerContext): Promise<Answer> {
  try {
    if (picked !== undefined) await assertIsIn(picked, given.requester, context);
  } catch (error) {
    if (error instanceof Refusal) return { reply: undefined, outcome: 'refused', problem: error };
    throw error;
  }
  return await answerCommand(given, context);
}

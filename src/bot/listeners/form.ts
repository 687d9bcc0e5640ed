import type { App, ViewSubmitAction } from '@slack/bolt';
import { commandWords } from '../../commands/command-line.js';
import type { Requester } from '../../commands/payload.js';
import { commands } from '../../commands/table.js';
import { seconds } from '../../duration.js';
import { messageOf, Refusal } from '../../errors.js';
import { channelMention, mrkdwn, type Mrkdwn } from '../../mrkdwn.js';
import { messageOfParagraphs, type SlackMessage } from '../../slack-message.js';
import { within } from '../../within.js';
import {
  commandLineOf,
  contentOf,
  fieldNames,
  createForm,
  formAnswer,
  formId,
  problemsIn,
  withoutFormat,
  type Field,
} from '../form.js';
import {
  namedIn,
  namingCommandOf,
  peopleFields,
  peopleForm,
  peopleFormId,
  readRemembered,
  type NamingCommand,
} from '../people-form.js';
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
  /** The command that the form completes: for `create` only the host cluster matters. */
  text?: string;
}

/** Opens a form, which asks neither Redis nor a cluster; otherwise says why not: Slack does not, or the person may not run its command. */
export async function openForm(
  { slack, people, demoConfig, log }: ListenerContext,
  { triggerId, requester, isAtHome = false, text = '' }: FormRequest,
): Promise<SlackMessage | undefined> {
  const { userId, channelId, thread } = requester;
  const naming = namingCommandOf(text);
  const command = naming ?? 'create';
  try {
    // At Home a channel has yet to be picked.
    if (!isAtHome) await assertMayGive(command, requester, { access: demoConfig.access, people, log });
    const hostCluster = demoConfig.clusters.find((name) => commandWords({ hostCluster: name }, 'create') === text);
    const view = naming
      ? peopleForm(naming, { text, channelId, thread })
      : createForm({ config: demoConfig, channelId, picksChannel: isAtHome, hostCluster });
    await within(openTimeoutMs, () => slack.views.open({ trigger_id: triggerId, view }));
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return replyToError(error, log);
    log.warn({ user: userId, reason: messageOf(error) }, 'form was not opened');
    return notOpened(error, command);
  }
}

export const notOpened = (error: unknown, command: 'create' | NamingCommand): SlackMessage =>
  messageOfParagraphs([
    mrkdwn`:warning: Slack did not open the form: ${messageOf(error)}. Try again, or type \`/vcdemo ${commands[command].example}\`.`,
  ]);

/** All forms. What is wrong is said at its field, and the form stays open. */
export function listenForForms(app: App, context: ListenerContext): void {
  listenForCreateForm(app, context);
  listenForPeopleForm(app, context);
}

/** The submitted form is the command that it stands for. */
function listenForCreateForm(app: App, context: ListenerContext): void {
  app.view<ViewSubmitAction>({ callback_id: formId, type: 'view_submission' }, async ({ body, ack }) => {
    const acknowledged = context.metrics.acknowledgement.startTimer();
    const { user, view } = body;
    const { ttl, clusters } = context.demoConfig;
    const content = contentOf(view.state.values, fieldNames);
    const refuse = async (errors: Partial<Record<Field, string>>) => {
      await ack({ response_action: 'errors', errors });
      acknowledged();
    };
    const problems = problemsIn(content, { maxTtlMs: ttl.max, clusters });
    if (Object.keys(problems).length > 0) return await refuse(problems);
    const channelId = content.channel ?? view.private_metadata;
    const requester = { userId: user.id, userName: user.name, channelId };
    const where = channelId.startsWith('D') ? mrkdwn`your direct messages with vcdemo` : channelMention(channelId);
    // The same form submitted twice is one command.
    const given = { text: commandLineOf(content), requester, dedupeId: view.id, where };
    const { reply, problem, jobs } = await answerForm(given, content.channel, context);
    if (problem) {
      const field = problem.code === 'not-allowed' && 'channel' in view.state.values ? 'channel' : 'demo';
      return await refuse({ [field]: withoutFormat([problem.message, problem.hint].filter(Boolean).join(' ')) });
    }
    await ack({ response_action: 'update', view: formAnswer(reply ?? answeredLater(where)) });
    acknowledged();
    watchUntaken(jobs, context, (message) => whisper(context.later.slack, requester, message));
  });
}

/** For what only its worker answers. */
export const answeredLater = (where: Mrkdwn): SlackMessage =>
  messageOfParagraphs([mrkdwn`Started. The answer appears in ${where}; only you can see it.`]);

/** The submitted form is its command with the person or channel filled in; the answer is shown where the button was. */
function listenForPeopleForm(app: App, context: ListenerContext): void {
  app.view<ViewSubmitAction>({ callback_id: peopleFormId, type: 'view_submission' }, async ({ body, ack }) => {
    const acknowledged = context.metrics.acknowledgement.startTimer();
    const { user, view } = body;
    const form = readRemembered(view.private_metadata);
    if (!form) {
      await ack({
        response_action: 'errors',
        errors: { person: 'This form is from an earlier version: open it again.' },
      });
      acknowledged();
      return;
    }
    const { channelId, thread } = form;
    const requester = { userId: user.id, userName: user.name, channelId, ...(thread !== undefined && { thread }) };
    const named = namedIn(form, contentOf(view.state.values, peopleFields));
    const { problem, reply, jobs } =
      'problems' in named
        ? ({} as Partial<Answer>)
        : await answerCommand({ text: named.text, requester, dedupeId: view.id }, context);
    const problems = problem
      ? { person: withoutFormat([problem.message, problem.hint].filter(Boolean).join(' ')) }
      : 'problems' in named && named.problems;
    await (problems ? ack({ response_action: 'errors', errors: problems }) : ack());
    acknowledged();
    const tell = (message: SlackMessage) => whisper(context.later.slack, requester, message);
    if (reply && !problems) await tell(reply);
    watchUntaken(jobs, context, tell);
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

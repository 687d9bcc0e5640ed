import type { App, SlashCommand } from '@slack/bolt';
import type { Requester } from '../../jobs/definitions.js';
import { assertMayUse } from '../../access.js';
import type { CommandOutcome } from '../../metrics.js';
import { traced } from '../../tracing.js';
import { commands } from '../commands.js';
import { deleteConfirmation } from '../delete-confirmation.js';
import { helpReply } from '../help.js';
import { parseCommand, type ParsedCommand } from '../parse.js';
import { acceptedReply, outcomeOf, replyToError, type Reply } from '../reply.js';
import { requestsFor } from '../requests.js';
import type { ListenerContext } from './context.js';

/** `/vcdemo …`: the answer goes with the acknowledgement, so that it costs no call to Slack. */
export function listenForCommand(app: App, context: ListenerContext): void {
  const { demoConfig, metrics } = context;
  app.command('/vcdemo', async ({ command, ack }) => {
    const acknowledged = metrics.acknowledgement.startTimer();
    const log = context.log.child({ user: command.user_id, channel: command.channel_id });
    let name = 'invalid';
    let outcome: CommandOutcome;
    let reply: Reply;
    try {
      const parsed = parseCommand(command.text ?? '', { maxTtlMs: demoConfig.ttl.max, clusters: demoConfig.clusters });
      name = parsed.command;
      ({ outcome, reply } = await traced(`/vcdemo ${name}`, { 'vcdemo.user': command.user_id }, () =>
        answer(parsed, command, context),
      ));
    } catch (error) {
      outcome = outcomeOf(error);
      reply = replyToError(error, log);
    }
    await ack({ response_type: 'ephemeral', ...reply });
    acknowledged();
    metrics.commands.inc({ command: name, outcome });
  });
}

async function answer(
  parsed: ParsedCommand,
  command: SlashCommand,
  { queues, demoConfig, log }: ListenerContext,
): Promise<{ outcome: CommandOutcome; reply: Reply }> {
  const { clusters } = demoConfig;
  if (parsed.command === 'help') return { outcome: 'answered', reply: helpReply(clusters, parsed.topic) };
  const requester: Requester = {
    userId: command.user_id,
    userName: command.user_name ?? '',
    channelId: command.channel_id,
  };
  assertMayUse(demoConfig.access, requester);
  if (parsed.command === 'delete')
    return { outcome: 'answered', reply: deleteConfirmation(parsed.demo, parsed.on ? [parsed.on] : clusters) };
  // Before the acknowledgement: a command that was acknowledged must not get lost.
  const jobIds = await Promise.all(
    requestsFor(parsed, requester, clusters).map(({ request, hostCluster }) =>
      queues.enqueue(request, { dedupeId: command.trigger_id, hostCluster }),
    ),
  );
  log.info({ jobs: jobIds, user: requester.userId, channel: requester.channelId }, 'Enqueued');
  const text = commands[parsed.command].accepted('demo' in parsed ? parsed.demo : '');
  return { outcome: 'accepted', reply: acceptedReply(text, jobIds) };
}

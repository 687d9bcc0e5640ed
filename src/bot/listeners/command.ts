import type { App, SlashCommand } from '@slack/bolt';
import type { JobRequest, Requester } from '../../jobs/definitions.js';
import { assertMayUse } from '../../access.js';
import { commands } from '../commands.js';
import { deleteConfirmation } from '../delete-confirmation.js';
import { helpReply } from '../help.js';
import { parseCommand, type ParsedCommand } from '../parse.js';
import { acceptedReply, replyToError, type Reply } from '../reply.js';
import type { ListenerContext } from './context.js';

/** `/vcdemo …`: the answer goes with the acknowledgement, so that it costs no call to Slack. */
export function listenForCommand(app: App, context: ListenerContext): void {
  app.command('/vcdemo', async ({ command, ack }) => {
    const log = context.log.child({ user: command.user_id, channel: command.channel_id });
    const reply = await answer(command, context).catch((error: unknown) => replyToError(error, log));
    await ack({ response_type: 'ephemeral', ...reply });
  });
}

async function answer(command: SlashCommand, { queues, demoConfig, log }: ListenerContext): Promise<Reply> {
  const parsed = parseCommand(command.text ?? '', { maxTtlMs: demoConfig.ttl.max });
  if (parsed.command === 'help') return helpReply(parsed.topic);
  const requester: Requester = {
    userId: command.user_id,
    userName: command.user_name ?? '',
    channelId: command.channel_id,
  };
  assertMayUse(demoConfig.access, requester);
  if (parsed.command === 'delete') return deleteConfirmation(parsed.demo);
  // Before the acknowledgement: a command that was acknowledged must not get lost.
  const jobId = await queues.enqueue(jobFor(parsed, requester), { dedupeId: command.trigger_id });
  log.info({ job: jobId, user: requester.userId, channel: requester.channelId }, 'Enqueued');
  return acceptedReply(commands[parsed.command].accepted('demo' in parsed ? parsed.demo : ''), jobId);
}

function jobFor(parsed: Exclude<ParsedCommand, { command: 'help' }>, requester: Requester): JobRequest {
  switch (parsed.command) {
    case 'list':
      return { name: 'list', payload: { requester } };
    case 'create':
      return { name: 'create', payload: { requester, demo: parsed.demo, ttlMs: parsed.ttlMs } };
    case 'verify':
      return { name: 'verify', payload: { requester, demo: parsed.demo, requests: parsed.requests } };
    default:
      return { name: parsed.command, payload: { requester, demo: parsed.demo } };
  }
}

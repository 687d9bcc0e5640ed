import type { App, BlockButtonAction } from '@slack/bolt';
import { demoName, type Requester } from '../../jobs/definitions.js';
import { assertMayUse } from '../../access.js';
import { commands } from '../commands.js';
import { deleteActionId } from '../delete-confirmation.js';
import { acceptedReply, replyToError, type Reply } from '../reply.js';
import type { ListenerContext } from './context.js';
import { respondOrLog } from './respond.js';

/** The red button below "Delete demo …?": enqueues the job and takes the question's place. */
export function listenForDeleteButton(app: App, context: ListenerContext): void {
  app.action<BlockButtonAction>(
    { type: 'block_actions', action_id: deleteActionId },
    async ({ body, ack, respond }) => {
      const log = context.log.child({ user: body.user.id, channel: body.channel?.id });
      let reply: Reply;
      let isAnswered = true;
      try {
        reply = await deleteDemo(body, context);
      } catch (error) {
        // The question stays, so that the person can press again.
        isAnswered = false;
        reply = replyToError(error, log);
      }
      await ack();
      await respondOrLog(respond, { response_type: 'ephemeral', replace_original: isAnswered, ...reply }, log);
    },
  );
}

async function deleteDemo(body: BlockButtonAction, { queues, demoConfig, log }: ListenerContext): Promise<Reply> {
  const requester: Requester = {
    userId: body.user.id,
    userName: body.user.username ?? body.user.name ?? '',
    channelId: body.channel?.id ?? '',
  };
  assertMayUse(demoConfig.access, requester);
  const demo = demoName.parse(body.actions[0]?.value);
  const jobId = await queues.enqueue({ name: 'delete', payload: { requester, demo } }, { dedupeId: body.trigger_id });
  log.info({ job: jobId, user: requester.userId, channel: requester.channelId }, 'Enqueued');
  return acceptedReply(commands.delete.accepted(demo), jobId);
}

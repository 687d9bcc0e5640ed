import type { App, BlockButtonAction } from '@slack/bolt';
import { demoName, type Requester } from '../../jobs/definitions.js';
import { assertMayUse } from '../../access.js';
import { UserError } from '../../errors.js';
import type { CommandOutcome } from '../../metrics.js';
import { traced } from '../../tracing.js';
import { commands } from '../commands.js';
import { clusterOfAction, deleteActionId } from '../delete-confirmation.js';
import { acceptedReply, outcomeOf, replyToError, type Reply } from '../reply.js';
import type { ListenerContext } from './context.js';
import { respondOrLog } from './respond.js';

/** The red button below "Delete demo …?": enqueues the job and takes the question's place. */
export function listenForDeleteButton(app: App, context: ListenerContext): void {
  const { metrics } = context;
  app.action<BlockButtonAction>(
    { type: 'block_actions', action_id: new RegExp(`^${deleteActionId}(:|$)`) },
    async ({ body, ack, respond }) => {
      const acknowledged = metrics.acknowledgement.startTimer();
      const log = context.log.child({ user: body.user.id, channel: body.channel?.id });
      let reply: Reply;
      let outcome: CommandOutcome = 'accepted';
      try {
        reply = await traced('delete button', { 'vcdemo.user': body.user.id }, () => deleteDemo(body, context));
      } catch (error) {
        outcome = outcomeOf(error);
        reply = replyToError(error, log);
      }
      await ack();
      acknowledged();
      metrics.commands.inc({ command: 'delete', outcome });
      // After a refusal the question stays, so that the person can press again.
      const answer = { response_type: 'ephemeral', replace_original: outcome === 'accepted', ...reply } as const;
      await respondOrLog(respond, answer, { log, metrics });
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
  const [pressed] = body.actions;
  const demo = demoName.parse(pressed?.value);
  const hostCluster = clusterOfAction(pressed?.action_id ?? '');
  if (hostCluster === undefined ? demoConfig.clusters.length > 0 : !demoConfig.clusters.includes(hostCluster))
    throw new UserError('unknown-cluster', 'The host clusters have changed since this question was asked.', {
      hint: `Run \`/vcdemo delete ${demo}\` again.`,
    });
  const jobId = await queues.enqueue(
    { name: 'delete', payload: { requester, demo } },
    { dedupeId: body.trigger_id, hostCluster },
  );
  log.info({ jobs: [jobId], user: requester.userId, channel: requester.channelId }, 'Enqueued');
  return acceptedReply(commands.delete.accepted(demo), [jobId]);
}

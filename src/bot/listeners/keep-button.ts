import type { App, BlockButtonAction } from '@slack/bolt';
import { escapeMrkdwn } from '../../slack-text.js';
import { keepActionId } from '../delete-confirmation.js';
import { replyOf } from '../reply.js';
import type { ListenerContext } from './context.js';
import { respondOrLog } from './respond.js';

/** The other button below "Delete demo …?". */
export function listenForKeepButton(app: App, context: ListenerContext): void {
  app.action<BlockButtonAction>({ type: 'block_actions', action_id: keepActionId }, async ({ body, ack, respond }) => {
    await ack();
    const reply = replyOf([`Demo *${escapeMrkdwn(body.actions[0]?.value ?? '')}* stays.`]);
    await respondOrLog(respond, { response_type: 'ephemeral', replace_original: true, ...reply }, context);
  });
}

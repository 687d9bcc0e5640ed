import { replyOf, type Reply } from './reply.js';

export const deleteActionId = 'delete_demo';
export const keepActionId = 'keep_demo';

/** Asks whether the demo is really to be deleted; the buttons carry its name. */
export function deleteConfirmation(demo: string): Reply {
  const question = `Delete demo *${demo}* and everything in it? This cannot be undone.`;
  const reply = replyOf([question]);
  return {
    ...reply,
    blocks: [
      ...reply.blocks,
      {
        type: 'actions',
        elements: [
          {
            type: 'button',
            action_id: deleteActionId,
            style: 'danger',
            text: { type: 'plain_text', text: `Delete ${demo}` },
            value: demo,
          },
          { type: 'button', action_id: keepActionId, text: { type: 'plain_text', text: 'Keep it' }, value: demo },
        ],
      },
    ],
  };
}

import type { types } from '@slack/bolt';
import { replyOf, type Reply } from './reply.js';

export const deleteActionId = 'delete_demo';
export const keepActionId = 'keep_demo';

/**
 * Asks whether the demo is really to be deleted; the buttons carry its name. Where several host clusters may have one of
 * that name there is a button for each: a guess could delete the wrong one.
 */
export function deleteConfirmation(demo: string, clusters: readonly string[]): Reply {
  const question = `Delete demo *${demo}* and everything in it? This cannot be undone.`;
  const reply = replyOf([question]);
  const buttons = clusters.length === 0 ? [deleteButton(demo)] : clusters.map((cluster) => deleteButton(demo, cluster));
  const keep: types.Button = {
    type: 'button',
    action_id: keepActionId,
    text: { type: 'plain_text', text: 'Keep it' },
    value: demo,
  };
  return { ...reply, blocks: [...reply.blocks, { type: 'actions', elements: [...buttons, keep] }] };
}

function deleteButton(demo: string, cluster?: string): types.Button {
  return {
    type: 'button',
    // Slack wants every action of a block to have an id of its own.
    action_id: cluster === undefined ? deleteActionId : `${deleteActionId}:${cluster}`,
    style: 'danger',
    text: { type: 'plain_text', text: `Delete ${demo}${cluster === undefined ? '' : ` on ${cluster}`}` },
    value: demo,
  };
}

/** The host cluster that a delete button is for. */
export const clusterOfAction = (actionId: string): string | undefined => actionId.split(':')[1];

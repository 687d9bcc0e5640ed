import type { V1PersistentVolume } from '@kubernetes/client-node';
import type { Demo } from '../../../k8s/demo/demo.js';
import { joinMrkdwn, mrkdwn, type Mrkdwn } from '../../../mrkdwn.js';
import type { SlackMessage } from '../../../slack-message.js';
import { message } from '../../slack/messages.js';

export const deleteQuestion = ({ name }: Demo): Mrkdwn =>
  mrkdwn`Delete demo *${name}* and everything in it? This cannot be undone.`;

/** For a demo that was deleted by an earlier run of the same job. */
export const goneMessage = (demo: string): SlackMessage =>
  message(mrkdwn`:wastebasket: Demo *${demo}* has been deleted; nothing is left of it.`);

/** Volumes that a delete did not remove. That is no failure, but they cost money. */
export function keptVolumesMessage(demo: string, kept: readonly V1PersistentVolume[]): SlackMessage {
  const names = kept.map(({ metadata }) => metadata?.name ?? '');
  const quoted = names.map((name) => mrkdwn`\`${name}\``);
  const classes = new Set(kept.map(({ spec }) => spec?.storageClassName).filter(Boolean));
  const because = classes.size > 0 ? ` (StorageClass ${[...classes].join(', ')})` : '';
  const [volumes, them] = names.length === 1 ? ['The volume', 'it'] : ['The volumes', 'them'];
  return message(
    mrkdwn`${volumes} of demo *${demo}* ${names.length === 1 ? 'is' : 'are'} kept, because the reclaim policy is Retain${because}: ${joinMrkdwn(quoted, ', ')}.\nAn administrator of the host cluster can remove ${them}: \`kubectl delete persistentvolume ${names.join(' ')}\`, then the disk in the storage system.`,
  );
}

import type { V1PersistentVolume } from '@kubernetes/client-node';
import { joinMrkdwn, mrkdwn } from '../../../mrkdwn.js';
import type { SlackMessage } from '../../../slack-message.js';
import { message } from '../../slack/messages.js';

/** The end of a delete; `how` is `has been`, or `expired and has been`. Kept volumes are no failure, but they cost money. */
export function deletedMessage(demo: string, how: string, kept: readonly V1PersistentVolume[]): SlackMessage {
  const deleted = mrkdwn`:wastebasket: Demo *${demo}* ${how} deleted`;
  if (kept.length === 0) return message(mrkdwn`${deleted}; nothing is left of it.`);
  const names = kept.map(({ metadata }) => metadata?.name ?? '');
  const quoted = names.map((name) => mrkdwn`\`${name}\``);
  const classes = new Set(kept.map(({ spec }) => spec?.storageClassName).filter(Boolean));
  const because = classes.size > 0 ? ` (StorageClass ${[...classes].join(', ')})` : '';
  return message(
    mrkdwn`${deleted}. ${names.length === 1 ? 'Its volume is' : 'Its volumes are'} kept, because the reclaim policy is Retain${because}: ${joinMrkdwn(quoted, ', ')}.\nAn administrator of the host cluster can remove ${names.length === 1 ? 'it' : 'them'}: \`kubectl delete persistentvolume ${names.join(' ')}\`, then the disk in the storage system.`,
  );
}

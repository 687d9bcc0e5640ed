import type { V1PersistentVolume } from '@kubernetes/client-node';

import { escapeMrkdwn, type SlackMessage } from '../../../slack-message.js';
import { message } from '../../slack/messages.js';

/** The end of a delete; `how` is `has been`, or `expired and has been`. Kept volumes are no failure, but they cost money. */
export function deletedMessage(demo: string, how: string, kept: readonly V1PersistentVolume[]): SlackMessage {
  const deleted = `:wastebasket: Demo *${demo}* ${how} deleted`;
  if (kept.length === 0) return message(`${deleted}; nothing is left of it.`);
  const names = kept.map(({ metadata }) => escapeMrkdwn(metadata?.name ?? ''));
  const classes = new Set(kept.map(({ spec }) => spec?.storageClassName).filter(Boolean));
  const because = classes.size > 0 ? ` (StorageClass ${escapeMrkdwn([...classes].join(', '))})` : '';
  return message(
    `${deleted}. ${names.length === 1 ? 'Its volume is' : 'Its volumes are'} kept, because the reclaim policy is Retain${because}: \`${names.join('`, `')}\`.\n` +
      `An administrator of the host cluster can remove ${names.length === 1 ? 'it' : 'them'}: \`kubectl delete persistentvolume ${names.join(' ')}\`, then the disk in the storage system.`,
  );
}

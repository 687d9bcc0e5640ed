import { changeExisting, isGone } from '../../k8s/demo-record.js';
import type { Cluster } from '../../k8s/cluster.js';
import type { Demo } from '../../k8s/demo.js';
import { userNameOf } from '../../k8s/user-certificate.js';
import type { SharedFile, Slack } from './slack.js';

/** Who has a kubeconfig: a channel, or a person under the user name that their certificates have. */
export interface Receiver {
  to: string;
  user?: string | undefined;
}

/**
 * Records a file that somebody got, and deletes files of the same demo that they got before, or that `before` got if it was
 * somebody else. If the demo has been deleted meanwhile, the file is deleted as well.
 * @param andNote what else is recorded with the same write
 */
export async function noteFiles(
  slack: Slack,
  host: Cluster,
  demo: Demo,
  { ids }: SharedFile,
  { to, user, before = to }: Receiver & { before?: string },
  andNote: (current: Demo) => Demo = (current) => current,
): Promise<void> {
  let earlier: string[] = [];
  const noted = await changeExisting(host, demo, (current) => {
    const replaced = current.files.filter((file) => [to, before].includes(file.to) && !ids.includes(file.id));
    earlier = replaced.map(({ id }) => id);
    const kept = current.files.filter((file) => !replaced.includes(file));
    return andNote({ ...current, files: [...kept, ...ids.map((id) => ({ id, to, user }))] });
  });
  await slack.deleteFiles(isGone(demo, noted) ? ids : earlier);
}

/** Those who have a kubeconfig of the demo and may have another. */
export function receiversOf({ files, revoked, owner }: Pick<Demo, 'files' | 'revoked' | 'owner'>): Receiver[] {
  const receivers = new Map<string, Receiver>();
  for (const { to, user } of files) {
    if (revoked.includes(to)) continue;
    // Earlier versions noted no user.
    const noted = user ?? userNameOf({ userId: to, userName: to === owner.id ? owner.name : '' });
    receivers.set(to, /^[UW]/.test(to) ? { to, user: noted } : { to });
  }
  return [...receivers.values()];
}

/** Those who still get a new kubeconfig while all keys are being replaced: an interrupted run may have served others. */
export const unservedOf = (demo: Pick<Demo, 'files' | 'revoked' | 'owner' | 'replacing'>): Receiver[] =>
  receiversOf(demo).filter(({ to }) => !demo.replacing?.served.includes(to));

/** The demo, with people or channels recorded as served. */
export const withServed = (demo: Demo, places: readonly string[]): Demo => ({
  ...demo,
  replacing: demo.replacing && { ...demo.replacing, served: [...new Set([...demo.replacing.served, ...places])] },
});

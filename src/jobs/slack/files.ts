import type { DemoConfig } from '../../config.js';
import { changeExisting, isGone } from '../../k8s/demo/demo-record.js';
import type { Cluster } from '../../k8s/client/cluster.js';
import type { Demo } from '../../k8s/demo/demo.js';
import { userNameOf } from '../../k8s/credentials/user-certificate.js';
import type { SlackFile } from './file-as-text.js';
import type { SharedFile } from './upload.js';
import type { SharingRules, Slack } from './slack.js';

/** Who has a kubeconfig: a channel, or a person under the user name that their certificates have. */
export interface Receiver {
  to: string;
  user?: string | undefined;
}

/**
 * A file that is recorded before anybody sees it. If the worker dies before `noteFiles`, the next run sends another one, and
 * `noteFiles` deletes this one, so that people have exactly one in the end.
 */
export const recorded = (host: Cluster, demo: Demo, file: SlackFile, user?: string): SlackFile => ({
  ...file,
  beforeShared: (uploaded) =>
    changeExisting(host, demo, (current) => ({ ...current, files: [...current.files, { ...uploaded, user }] })),
});

/**
 * Records a file that somebody got, and deletes files of the same demo that they got before, or that `before` got if it was
 * somebody else. If the demo has been deleted meanwhile, or their access revoked, the file is deleted as well.
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
  let replaced: string[] = [];
  const noted = await changeExisting(host, demo, (current) => {
    const isTheirs = (file: { id: string; to: string }) => [to, before].includes(file.to) || ids.includes(file.id);
    const own = current.revoked.includes(to) ? [] : ids;
    replaced = [...ids, ...current.files.filter(isTheirs).map(({ id }) => id)].filter((id) => !own.includes(id));
    const kept = current.files.filter((file) => !isTheirs(file));
    return andNote({ ...current, files: [...kept, ...own.map((id) => ({ id, to, user }))] });
  });
  await slack.deleteFiles(isGone(demo, noted) ? ids : [...new Set(replaced)]);
}

/** Deletes files in Slack, and forgets them. */
export async function withdrawFiles(slack: Slack, host: Cluster, demo: Demo, ids: readonly string[]): Promise<void> {
  await slack.deleteFiles(ids);
  await changeExisting(host, demo, (current) => ({
    ...current,
    files: current.files.filter(({ id }) => !ids.includes(id)),
  }));
}

/** Who may read logs and evidence of a demo in a channel: as with kubeconfigs, no outsiders, and nobody who was revoked. */
export const findingsRules = (
  { access }: Pick<DemoConfig, 'access'>,
  { revoked }: Pick<Demo, 'revoked'>,
): SharingRules => ({ access, delivery: 'channel', revoked });

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

import { changeRecord } from '../../k8s/demo-record.js';
import type { Cluster } from '../../k8s/cluster.js';
import type { Demo } from '../../k8s/demo.js';
import type { SharedFile, Slack } from './client.js';

/** Records a file that somebody got, and deletes files of the same demo that they got before. */
export async function noteFiles(
  slack: Slack,
  host: Cluster,
  demo: Demo,
  { ids }: SharedFile,
  to: string,
): Promise<void> {
  let earlier: string[] = [];
  await changeRecord(host, demo, (current) => {
    const replaced = current.files.filter((file) => file.to === to && !ids.includes(file.id));
    earlier = replaced.map(({ id }) => id);
    const kept = current.files.filter((file) => !replaced.includes(file));
    return { ...current, files: [...kept, ...ids.map((id) => ({ id, to }))] };
  });
  await slack.deleteFiles(earlier);
}

import type { Cluster } from '../../src/k8s/client/cluster.js';
import { changeRecord, findDemo } from '../../src/k8s/demo/demo-record.js';

/** Makes a demo expire now. */
export async function endLife(host: Cluster, name: string): Promise<void> {
  const demo = await findDemo(host, name);
  if (!demo) throw new Error(`there is no demo ${name}`);
  await changeRecord(host, demo, (current) => ({ ...current, expires: new Date(0) }));
}

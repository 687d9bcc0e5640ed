import type { V1Namespace } from '@kubernetes/client-node';
import type { DemoConfig } from '../../src/config.js';
import type { Cluster } from '../../src/k8s/client/cluster.js';
import { changeRecord, findDemo, markDemo, noteNamespace } from '../../src/k8s/demo/demo-record.js';
import { namespaceMetadata } from '../../src/k8s/demo/own-namespaces.js';
import type { Demo } from '../../src/k8s/demo/demo.js';
import { planPair, withState } from '../../src/k8s/demo/pool.js';
import { create } from './answers.js';

/** Records a warm pair that is ready, with both of its namespaces and nothing in them. */
export async function makeReadyPair(host: Cluster, name: string, config: DemoConfig): Promise<Demo> {
  const pair = await markDemo(host, planPair(name, config, 'default', host.now()), 'ready');
  for (const place of pair.places) {
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: namespaceMetadata(pair, place) };
    const { metadata } = await create<V1Namespace>(host, body);
    await noteNamespace(host, pair, place, metadata!.uid!);
  }
  await changeRecord(host, pair, (current) => withState(current, 'ready', host.now()));
  return (await findDemo(host, name))!;
}

import { execa } from 'execa';
import { stringify } from 'yaml';
import { syncedName } from '../../simulator/virtual-cluster.js';
import { policyName } from '../../src/k8s/isolation/admission-policy.js';
import { waitFor } from './wait-for.js';

/*
 * Shared by the tests in test/attack: the demo that test/attack/run.ts created, as seen by its user and by the host
 * cluster's administrator.
 */

const { ATTACK_KUBECONFIG, ATTACK_DEMO, KUBECONFIG } = process.env;
if (!ATTACK_KUBECONFIG || !ATTACK_DEMO || !KUBECONFIG) {
  process.stderr.write('Run this with `npm run test:attack`, which creates the demo to attack from.\n');
  process.exit(1);
}

export const demo: string = ATTACK_DEMO;
export type VirtualCluster = 'vc1' | 'vc2';
export const namespaceOf = (cluster: VirtualCluster): string => `${demo}-${cluster}`;

export interface Outcome {
  failed: boolean;
  stdout: string;
  /** stdout and stderr. */
  output: string;
}

/** kubectl with the kubeconfig of the demo's user. */
export const asUser = (cluster: VirtualCluster, args: string[], input?: unknown): Promise<Outcome> =>
  kubectl(['--kubeconfig', ATTACK_KUBECONFIG, '--context', cluster, ...args], input);

/** kubectl as the administrator of the host cluster. */
export const asHost = (args: string[], input?: unknown): Promise<Outcome> =>
  kubectl(['--kubeconfig', KUBECONFIG, ...args], input);

async function kubectl(args: string[], input?: unknown): Promise<Outcome> {
  const { failed, stdout, stderr } = await execa('kubectl', args, {
    reject: false,
    timeout: 60_000,
    ...(input !== undefined && { input: stringify(input, { aliasDuplicateObjects: false }) }),
  });
  return { failed, stdout, output: `${stdout}\n${stderr}` };
}

/** The output of a command that must succeed. */
export async function must(outcome: Promise<Outcome>): Promise<string> {
  const { failed, stdout, output } = await outcome;
  if (failed) throw new Error(output);
  return stdout;
}

export interface VirtualObject {
  kind: string;
  name: string;
  namespace: string;
}

/** The object's copy in the host cluster; undefined if there is none. */
export async function copyOf(
  cluster: VirtualCluster,
  { kind, name, namespace }: VirtualObject,
): Promise<Record<string, unknown> | undefined> {
  const copy = syncedName(name, namespace, cluster);
  const { failed, stdout } = await asHost(['-n', namespaceOf(cluster), 'get', kind, copy, '-o', 'json']);
  return failed ? undefined : (JSON.parse(stdout) as Record<string, unknown>);
}

/** What vcluster reports, in the virtual cluster, about an object that the host refused. */
export async function syncErrors(cluster: VirtualCluster, { kind, name, namespace }: VirtualObject): Promise<string> {
  const selector = `involvedObject.kind=${kind},involvedObject.name=${name}`;
  const events = ['-n', namespace, 'get', 'events', '--field-selector', selector, '-o', 'json'];
  const { items } = JSON.parse(await must(asUser(cluster, events))) as { items: { reason: string; message: string }[] };
  return items.map(({ reason, message }) => `${reason}: ${message}`).join('\n');
}

/** Waits for the copy in the host cluster. */
export const copied = (cluster: VirtualCluster, object: VirtualObject, withinMs = 30_000) =>
  waitFor(`the copy of ${object.kind} ${object.name} in the host cluster`, () => copyOf(cluster, object), {
    withinMs,
    everyMs: 500,
  });

/** Switches the admission policy; for this demo only, because others may be running in the host cluster. */
export async function switchPolicy(to: 'on' | 'off'): Promise<void> {
  const exception = { matchExpressions: [{ key: 'vcdemo.io/demo', operator: 'NotIn', values: [demo] }] };
  const matchResources = to === 'off' ? { namespaceSelector: exception } : null;
  const patch = ['patch', 'validatingadmissionpolicybinding', policyName, '--type=merge', '-p'];
  await must(asHost([...patch, JSON.stringify({ spec: { matchResources } })]));
  const probe = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'probe', namespace: namespaceOf('vc1') },
    spec: { ports: [{ port: 80 }], externalIPs: ['192.0.2.1'] },
  };
  await waitFor(`the policy to be ${to}`, async () => {
    const { failed } = await asHost(['create', '--dry-run=server', '-f', '-'], probe);
    return failed === (to === 'on');
  });
}

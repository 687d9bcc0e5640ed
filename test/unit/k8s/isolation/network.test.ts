import assert from 'node:assert/strict';
import { BlockList, isIPv6 } from 'node:net';
import { describe, it } from 'node:test';
import type { V1LabelSelector, V1NetworkPolicyPeer } from '@kubernetes/client-node';
import { readDemoConfig, type DemoConfig } from '../../../../src/config.js';
import { networkPolicies, type ApiServerEndpoint } from '../../../../src/k8s/isolation/network.js';
import { plannedDemo } from '../../../support/planned-demo.js';

const demo = plannedDemo();
const defaults = readDemoConfig(undefined);

interface Setting {
  isolation?: Partial<DemoConfig['isolation']>;
  exposure?: DemoConfig['exposure'];
  apiServer?: ApiServerEndpoint[];
  workerNamespace?: string;
  cluster?: 'vc1' | 'vc2';
}

/** The type of client-node calls `from` `_from`. */
interface Policy {
  metadata: { name: string };
  spec: {
    podSelector: V1LabelSelector;
    ingress?: { from: V1NetworkPolicyPeer[]; ports?: object[] }[];
    egress?: { to: V1NetworkPolicyPeer[]; ports?: object[] }[];
  };
}

function policies(setting: Setting = {}): Policy[] {
  const { isolation, exposure = defaults.exposure, apiServer = [{ address: '10.1.2.3', port: 6443 }] } = setting;
  return networkPolicies({
    demo,
    place: demo.places.find(({ name }) => name === (setting.cluster ?? 'vc1'))!,
    config: { exposure, isolation: { ...defaults.isolation, ...isolation } },
    apiServer,
    workerNamespace: setting.workerNamespace,
  }) as unknown as Policy[];
}

/** Whether a selector selects a pod with these labels. */
function selects(
  { matchLabels = {}, matchExpressions = [] }: V1LabelSelector,
  labels: Record<string, string>,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator }) => {
      assert.equal(operator, 'DoesNotExist');
      return !(key in labels);
    })
  );
}

/** What the policies allow a pod with these labels to reach: the peers of all policies that select it. */
const egressOf = (labels: Record<string, string>, setting?: Setting): V1NetworkPolicyPeer[] =>
  policies(setting)
    .filter(({ spec }) => selects(spec.podSelector, labels))
    .flatMap(({ spec }) => spec.egress ?? [])
    .flatMap(({ to }) => to);

function reaches(peers: V1NetworkPolicyPeer[], address: string): boolean {
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  const contains = (cidr: string) => {
    const [network = '', prefix] = cidr.split('/');
    if (isIPv6(network) !== isIPv6(address)) return false;
    const block = new BlockList();
    block.addSubnet(network, Number(prefix), family);
    return block.check(address, family);
  };
  return peers.some(
    ({ ipBlock }) => ipBlock && contains(ipBlock.cidr) && !(ipBlock.except ?? []).some((cidr) => contains(cidr)),
  );
}

/** The labels that vcluster gives to the copy of a tenant's pod: all of the pod's, overridden by its own. */
const synced = (labels: Record<string, string> = {}) => ({ ...labels, 'vcluster.loft.sh/managed-by': 'vc1' });
const controlPlane = { app: 'vcluster', release: 'vc1' };

describe('the policies of a pair', () => {
  it("let only the control plane and vc-client reach the host's API server", () => {
    assert.equal(reaches(egressOf(controlPlane), '10.1.2.3'), true);
    assert.equal(reaches(egressOf({ app: 'vc-client' }), '10.1.2.3'), true);
    assert.equal(reaches(egressOf({ app: 'vc-client' }, { cluster: 'vc2' }), '10.1.2.3'), false);
    assert.equal(reaches(egressOf(synced()), '10.1.2.3'), false);
  });

  it("grant a tenant's pod nothing, whatever labels it copies", () => {
    for (const labels of [controlPlane, { app: 'vc-client' }, { ...controlPlane, 'vcdemo.io/demo': 'demo' }])
      assert.deepEqual(egressOf(synced(labels)), egressOf(synced()));
  });

  it("allow only the API server's port", () => {
    const rule = policies().find(({ metadata }) => metadata.name === 'vcdemo-control-plane')!.spec.egress![0]!;
    assert.deepEqual(rule, {
      to: [{ ipBlock: { cidr: '10.1.2.3/32' } }],
      ports: [{ port: 6443, protocol: 'TCP' }],
    });
  });

  it('allow the internet, but no private, link-local, shared or reserved address', () => {
    const peers = egressOf(synced());
    for (const address of ['1.1.1.1', '172.15.0.1', '172.32.0.1', '2606:4700::1111'])
      assert.equal(reaches(peers, address), true, address);
    for (const address of [
      ...['169.254.169.254', '10.0.0.1', '172.16.0.1', '192.168.1.1', '100.100.100.200', '127.0.0.1', '0.0.0.0'],
      ...['168.63.129.16', '192.0.0.192', '224.0.0.1', '255.255.255.255'],
      ...['fd00:ec2::254', 'fe80::1', '::1', '::ffff:10.0.0.1', '64:ff9b::10.0.0.1', '2002:a9fe:a9fe::1', 'ff02::1'],
    ])
      assert.equal(reaches(peers, address), false, address);
  });

  it('allow the private ranges in the configuration, but not the public ones that it excludes', () => {
    const egress = { cidrs: ['10.9.0.0/16', 'fd12::/16'], except: ['203.0.113.0/24', '2a00:1::/32'] };
    const peers = egressOf(synced(), { isolation: { egress } });
    assert.equal(reaches(peers, '10.9.1.1'), true);
    assert.equal(reaches(peers, 'fd12::1'), true);
    assert.equal(reaches(peers, '10.8.1.1'), false);
    assert.equal(reaches(peers, '203.0.113.7'), false);
    assert.equal(reaches(peers, '2a00:1::7'), false);
  });

  it('exclude an API server with a public address from the internet, for IPv4 and IPv6', () => {
    const apiServer = ['203.0.113.9', '2a00:1::9', 'fd00::9'].map((address) => ({ address, port: 443 }));
    const peers = egressOf(synced(), { apiServer });
    for (const { address } of apiServer) {
      assert.equal(reaches(peers, address), false, address);
      assert.equal(reaches(egressOf(controlPlane, { apiServer }), address), true, address);
    }
    const exceptions = peers.flatMap(({ ipBlock }) => ipBlock?.except ?? []);
    assert.equal(exceptions.includes('fd00::9/128'), false, 'Kubernetes refuses an exception outside of its block');
  });

  it("admit the demo's and the ingress controller's namespaces by name, and no others", () => {
    const ingress = { namespaces: ['edge'], cidrs: ['192.168.7.0/24'] };
    const peers = policies({ isolation: { ingress } })[0]!.spec.ingress!.flatMap(({ from }) => from);
    const named = peers.flatMap(({ namespaceSelector }) => namespaceSelector?.matchExpressions ?? []);
    assert.deepEqual(
      named.map(({ key, values }) => [key, values]),
      [
        ['kubernetes.io/metadata.name', ['demo-vc1', 'demo-vc2']],
        ['kubernetes.io/metadata.name', ['edge']],
      ],
    );
    assert.deepEqual(peers.at(-1), { ipBlock: { cidr: '192.168.7.0/24' } });
    assert.equal(peers.length, 3);
  });

  it("admit the ingress controller from its usual namespaces, or the Gateway's namespace", () => {
    const from = (exposure: DemoConfig['exposure']) =>
      policies({ exposure })[0]!
        .spec.ingress!.slice(1)
        .flatMap((rule) => rule.from[0]!.namespaceSelector!.matchExpressions![0]!.values);
    assert.deepEqual(from({ kind: 'traefik', entryPoint: 'websecure', annotations: {}, proof: 'required' }), [
      'traefik',
      'kube-system',
    ]);
    assert.deepEqual(
      from({ kind: 'gateway', gateway: { name: 'g', namespace: 'gateways' }, annotations: {}, proof: 'required' }),
      ['gateways'],
    );
    assert.deepEqual(from({ kind: 'none' }), []);
  });

  it("let a worker in the cluster reach only the control plane's port", () => {
    const ingress = (workerNamespace?: string) =>
      policies(workerNamespace ? { workerNamespace } : {}).map(({ spec }) => spec.ingress ?? []);
    assert.deepEqual(ingress()[1], []);
    assert.deepEqual(ingress('vcdemo')[0], ingress()[0], "the other pods' policy says nothing of the worker");
    const [rule] = ingress('vcdemo')[1]!;
    assert.deepEqual(rule!.from[0]!.namespaceSelector!.matchExpressions![0]!.values, ['vcdemo']);
    assert.deepEqual(rule!.ports, [{ port: 8443, protocol: 'TCP' }]);
  });
});

it("the policies of `document` are the source document's", () => {
  const [all, client, ...more] = policies({ isolation: { network: 'document' } });
  assert.equal(all!.metadata.name, 'np-vc-allow-all');
  assert.deepEqual(all!.spec, { podSelector: {}, ingress: [{}], egress: [{}], policyTypes: ['Ingress', 'Egress'] });
  assert.equal(client!.metadata.name, 'np-vc-client');
  assert.deepEqual(more, []);
});

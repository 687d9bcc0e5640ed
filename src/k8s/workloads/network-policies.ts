import { BlockList, isIPv6 } from 'node:net';
import type {
  V1LabelSelector,
  V1NetworkPolicy,
  V1NetworkPolicyPeer,
  V1NetworkPolicyPort,
  V1NetworkPolicySpec,
} from '@kubernetes/client-node';

/*
 * What NetworkPolicies do to one connection, as Kubernetes defines it: a pod that no policy selects is open; of a selected
 * one, everything is closed that no policy allows.
 * @see https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */

/** A pod as policies see it. */
export interface PolicyPod {
  namespace: string;
  namespaceLabels: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
  ip: string;
}

interface Connection {
  from: PolicyPod;
  to: PolicyPod;
  /** TCP. */
  port: number;
}

/** The policies that cut a connection, such as `demo-vc2/deny (ingress)`; none if it is allowed. */
export function policiesThatCut(policies: readonly NetworkPolicy[], connection: Connection): string[] {
  const { from, to, port } = connection;
  return [
    ...closedBy(policies, { type: 'Egress', pod: from, peer: to, port }),
    ...closedBy(policies, { type: 'Ingress', pod: to, peer: from, port }),
  ];
}

/** As the API writes it: the library's type has another name for `from`. */
export interface NetworkPolicy extends Omit<V1NetworkPolicy, 'spec'> {
  spec?: Omit<V1NetworkPolicySpec, 'ingress'> & {
    ingress?: { from?: V1NetworkPolicyPeer[]; ports?: V1NetworkPolicyPort[] }[];
  };
}

interface Side {
  type: 'Egress' | 'Ingress';
  pod: PolicyPod;
  peer: PolicyPod;
  port: number;
}

function closedBy(policies: readonly NetworkPolicy[], { type, pod, peer, port }: Side): string[] {
  const selecting = policies.filter(
    ({ metadata, spec }) =>
      metadata?.namespace === pod.namespace && typesOf(spec).includes(type) && selects(spec?.podSelector, pod.labels),
  );
  const isOpen = selecting.some(({ metadata, spec }) => {
    const rules =
      type === 'Egress'
        ? (spec?.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }))
        : (spec?.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }));
    return rules.some(
      ({ peers, ports }) =>
        (!peers?.length || peers.some((one) => matches(one, peer, metadata?.namespace))) &&
        (!ports?.length || ports.some((one) => isPort(one, port))),
    );
  });
  if (selecting.length === 0 || isOpen) return [];
  return selecting.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name} (${type.toLowerCase()})`);
}

const typesOf = (spec: NetworkPolicy['spec']): string[] =>
  spec?.policyTypes ?? ['Ingress', ...(spec?.egress?.length ? ['Egress'] : [])];

function matches(
  { ipBlock, namespaceSelector, podSelector }: V1NetworkPolicyPeer,
  peer: PolicyPod,
  namespace = '',
): boolean {
  if (ipBlock) return isIn(ipBlock.cidr, peer.ip) && !(ipBlock.except ?? []).some((cidr) => isIn(cidr, peer.ip));
  const isPlace = namespaceSelector ? selects(namespaceSelector, peer.namespaceLabels) : peer.namespace === namespace;
  return isPlace && selects(podSelector, peer.labels);
}

/** A name of a port may mean any; it is taken to fit. */
const isPort = ({ port, endPort, protocol = 'TCP' }: V1NetworkPolicyPort, asked: number): boolean =>
  protocol === 'TCP' &&
  (port === undefined || typeof port === 'string' || (port <= asked && asked <= (endPort ?? port)));

function selects(selector: V1LabelSelector | undefined, labels: Readonly<Record<string, string>>): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  const valueOf = (key: string) => (Object.hasOwn(labels, key) ? labels[key] : undefined);
  return (
    Object.entries(matchLabels).every(([key, value]) => valueOf(key) === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = valueOf(key);
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      return (value !== undefined && values.includes(value)) === (operator === 'In');
    })
  );
}

function isIn(cidr: string, ip: string): boolean {
  const [address = '', length = ''] = cidr.split('/');
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  if ((family === 'ipv6') !== isIPv6(ip)) return false;
  try {
    const block = new BlockList();
    block.addSubnet(address, Number(length), family);
    return block.check(ip, family);
  } catch {
    return false;
  }
}

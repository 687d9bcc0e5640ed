import { BlockList, isIPv6 } from 'node:net';
import type { V1EndpointSlice } from '@kubernetes/client-node';
import type { DemoConfig } from '../../config.js';
import type { Cluster } from '../client/cluster.js';
import { demoLabels, firstPlace, namespaceBase, type Demo, type VirtualClusterPlace } from '../demo/demo.js';
import { read } from '../client/objects.js';
import { ref, type Manifest } from '../client/manifest.js';
import { syncedLabel } from '../workloads/pods.js';

/*
 * What a demo's pods may talk to. Tenants can choose the labels of their pods in the host cluster, so labels alone grant
 * nothing: what only the control plane and vc-client may do is granted to pods without the label that vcluster puts on every
 * pod of a tenant, whatever the tenant writes. Namespaces are selected by the name label that the API server itself sets.
 */

const namespaceName = 'kubernetes.io/metadata.name';
const controlPlanePort = 8443;

/** Where the host's API server listens, behind the Service `kubernetes`. */
export interface ApiServerEndpoint {
  address: string;
  port: number;
}

interface NetworkRequest {
  demo: Demo;
  place: VirtualClusterPlace;
  config: Pick<DemoConfig, 'exposure' | 'isolation'>;
  apiServer: readonly ApiServerEndpoint[];
  /** The worker's own namespace in this cluster; undefined if it connects through the API server. */
  workerNamespace: string | undefined;
}

/** All NetworkPolicies of one namespace of a demo. */
export function networkPolicies(request: NetworkRequest): Manifest[] {
  return request.config.isolation.network === 'document' ? documentPolicies(request) : pairPolicies(request);
}

// ------------------------------------------------------------------ pair

function pairPolicies(request: NetworkRequest): Manifest[] {
  const { demo, place, apiServer, workerNamespace } = request;
  const toApiServer = apiServer.map(({ address, port }) => ({
    to: [ipBlock(hostCidr(address))],
    ports: [{ port, protocol: 'TCP' }],
  }));
  const controlPlane = notSynced({ app: 'vcluster', release: place.name });
  return [
    policy(request, 'vcdemo-pair', {}, pairIngress(request), pairEgress(request)),
    policy(
      request,
      'vcdemo-control-plane',
      controlPlane,
      workerNamespace
        ? [{ from: [namespaces(workerNamespace)], ports: [{ port: controlPlanePort, protocol: 'TCP' }] }]
        : [],
      toApiServer,
    ),
    ...(hasVcClient(demo, place)
      ? [policy(request, 'vcdemo-vc-client', notSynced({ app: 'vc-client' }), undefined, toApiServer)]
      : []),
  ];
}

function pairIngress({ demo, config }: NetworkRequest): object[] {
  const { cidrs } = config.isolation.ingress;
  const controllers = ingressNamespaces(config);
  return [
    { from: [pairOf(demo)] },
    ...(controllers.length > 0 ? [{ from: [namespaces(...controllers)] }] : []),
    ...(cidrs.length > 0 ? [{ from: cidrs.map((cidr) => ipBlock(cidr)) }] : []),
  ];
}

function pairEgress({ demo, config, apiServer }: NetworkRequest): object[] {
  const { cidrs } = config.isolation.egress;
  return [
    { to: [pairOf(demo)] },
    ...hostDns.map(({ namespace, labels, port }) => ({
      to: [{ ...namespaces(namespace), podSelector: { matchLabels: labels } }],
      ports: ['UDP', 'TCP'].map((protocol) => ({ port, protocol })),
    })),
    { to: internet([...config.isolation.egress.except, ...apiServer.map(({ address }) => hostCidr(address))]) },
    ...(cidrs.length > 0 ? [{ to: cidrs.map((cidr) => ipBlock(cidr)) }] : []),
  ];
}

/** The host's DNS; OpenShift has its own. */
const hostDns = [
  { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' }, port: 53 },
  { namespace: 'openshift-dns', labels: { 'dns.operator.openshift.io/daemonset-dns': 'default' }, port: 5353 },
];

/** The usual namespaces of ingress controllers, by kind of exposure. */
const usualNamespaces = {
  traefik: ['traefik', 'kube-system'],
  nginx: ['ingress-nginx', 'kube-system'],
  route: ['openshift-ingress'],
  none: [],
} as const;

/** The namespaces of the ingress controller, whose pods may call a demo's pods. */
function ingressNamespaces({ exposure, isolation }: NetworkRequest['config']): readonly string[] {
  if (isolation.ingress.namespaces) return isolation.ingress.namespaces;
  return exposure.kind === 'gateway' ? [exposure.gateway.namespace] : usualNamespaces[exposure.kind];
}

const pairOf = ({ places }: Demo) => namespaces(...places.map(({ namespace }) => namespace));

const namespaces = (...values: string[]) => ({
  namespaceSelector: { matchExpressions: [{ key: namespaceName, operator: 'In', values }] },
});

const notSynced = (matchLabels: Record<string, string>) => ({
  matchLabels,
  matchExpressions: [{ key: syncedLabel, operator: 'DoesNotExist' }],
});

const hasVcClient = (demo: Demo, { namespace }: VirtualClusterPlace) => firstPlace(demo).namespace === namespace;

// ------------------------------------------------------------------ the manual guide's

/** Allows everything, as in the manual guide; this also overrides any default-deny policy of the host. */
function documentPolicies(request: NetworkRequest): Manifest[] {
  return [
    policy(request, 'np-vc-allow-all', {}, [{}], [{}]),
    ...(hasVcClient(request.demo, request.place)
      ? [policy(request, 'np-vc-client', { matchLabels: { app: 'vc-client' } }, undefined, [{}])]
      : []),
  ];
}

function policy(
  { demo, place }: NetworkRequest,
  name: string,
  podSelector: object,
  ingress: object[] | undefined,
  egress: object[],
): Manifest {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: place.namespace, labels: demoLabels(namespaceBase(demo), place.name) },
    spec: {
      podSelector,
      ...(ingress && { ingress }),
      egress,
      policyTypes: ingress ? ['Ingress', 'Egress'] : ['Egress'],
    },
  };
}

// ------------------------------------------------------------------ addresses

/**
 * Addresses outside the internet: private, link-local, shared, reserved and multicast, and the address at which Azure's
 * hosts serve their virtual machines.
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry
 */
const notInternet4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.168.0.0/16', '198.18.0.0/15', '224.0.0.0/4', '240.0.0.0/4', '168.63.129.16/32'],
];

/** All public IPv6 addresses are in 2000::/3; Teredo and 6to4 in it lead to any IPv4 address. */
const internet6 = '2000::/3';
const notInternet6 = ['2001::/32', '2002::/16'];

function internet(except: readonly string[]): object[] {
  const also = (family: boolean) => [...new Set(except)].filter((cidr) => isIPv6(addressOf(cidr)) === family);
  return [
    ipBlock('0.0.0.0/0', [...notInternet4, ...also(false)]),
    ipBlock(internet6, [...notInternet6, ...also(true).filter(isPublic6)]),
  ];
}

const publicBlock6 = new BlockList();
publicBlock6.addSubnet('2000::', 3, 'ipv6');

/** Kubernetes refuses exceptions that are not inside the block. */
const isPublic6 = (cidr: string) => publicBlock6.check(addressOf(cidr), 'ipv6');
const addressOf = (cidr: string) => cidr.replace(/\/.*$/, '');
const hostCidr = (address: string) => `${address}/${isIPv6(address) ? 128 : 32}`;
const ipBlock = (cidr: string, except?: readonly string[]) => ({ ipBlock: { cidr, ...(except && { except }) } });

/**
 * The addresses of the host's API server; none for some seconds after it has started. Policies see these, because the
 * Service's address is translated before.
 */
export async function apiServerEndpoints(host: Cluster): Promise<ApiServerEndpoint[]> {
  const slice = await read<V1EndpointSlice>(host, ref('discovery.k8s.io/v1', 'EndpointSlice', 'kubernetes', 'default'));
  const ports = slice?.ports?.flatMap(({ port }) => port ?? []) ?? [];
  const addresses = slice?.endpoints?.flatMap((endpoint) => endpoint.addresses) ?? [];
  // In a fixed order, because the resulting policies are compared.
  return addresses.toSorted().flatMap((address) => ports.map((port) => ({ address, port })));
}

import type { KubernetesObject } from '@kubernetes/client-node';
import { z } from 'zod';
import { messageOf } from '../../errors.js';
import { clip } from '../../redact.js';
import { isNotFound, TooMuchError } from '../client/api-errors.js';
import type { Cluster } from '../client/cluster.js';
import { list } from '../client/lists.js';
import type { Found } from '../client/answers.js';

const ruleKinds = ['VirtualService', 'DestinationRule', 'AuthorizationPolicy', 'PeerAuthentication'] as const;

/** An object of Istio that changes how requests to helloworld go. */
export interface MeshRule {
  kind: (typeof ruleKinds)[number];
  name: string;
  namespace: string;
  /** What it does, as far as it matters here, such as `routes to subset v1 alone`. */
  effect: string;
  /** Of a VirtualService: the weights of its route, by subset. */
  weights?: Record<string, number> | undefined;
  /** Of a DestinationRule: the version that each subset selects. */
  subsets?: Record<string, string> | undefined;
  /** Of a DestinationRule: shares by locality, in its own words, such as `a/* to a/* 80, b/* 20`. */
  distribution?: string | undefined;
}

/** How much of all rules of a cluster is read, in bytes. */
const longestRules = 8_000_000;

/**
 * The rules in a namespace, and those for all of them in istio-system. All lists are read side by side from one budget: a
 * tenant may have filled every one of them.
 * @throws TooMuchError if there is more than a worker should read
 */
export async function readMeshRules(cluster: Cluster, namespace: string): Promise<MeshRule[]> {
  const budget = { bytes: longestRules };
  const lists = ruleKinds.flatMap((kind) =>
    [namespace, 'istio-system'].map(async (place) => {
      const objects = await listIfServed(cluster, { kind, namespace: place, budget });
      return objects.flatMap((object) => ruleOf(kind, object, place) ?? []);
    }),
  );
  try {
    return (await Promise.all(lists)).flat();
  } catch (error) {
    if (!(error instanceof TooMuchError)) throw error;
    throw new TooMuchError(`what Istio's rules of ${cluster.name} say`, `${longestRules / 1_000_000} MB`);
  }
}

/** What a rule does to requests to helloworld; undefined if nothing. */
export function ruleOf(
  kind: MeshRule['kind'],
  { metadata, spec }: IstioObject,
  namespace: string,
): MeshRule | undefined {
  const { data } = ruleSpec.safeParse(spec ?? {});
  const effect = data && kinds[kind].effectOf(data);
  if (data === undefined || effect === undefined) return undefined;
  return {
    ...{ kind, name: metadata.name, namespace, effect },
    ...(kind === 'VirtualService' && { weights: routeWeights(data) }),
    ...(kind === 'DestinationRule' && { subsets: subsetVersions(data), distribution: distributionOf(data) }),
  };
}

type IstioObject = Found<KubernetesObject & { spec?: unknown }>;

/** The objects of one of Istio's kinds; none where its definition is missing. */
async function listIfServed(
  cluster: Cluster,
  { kind, namespace, budget }: { kind: MeshRule['kind']; namespace: string; budget: { bytes: number } },
): Promise<IstioObject[]> {
  for (const version of ['v1', 'v1beta1'])
    try {
      return await list(cluster, `${kinds[kind].group}/${version}`, kind, { namespace, atMost: 50, budget });
    } catch (error) {
      if (!isNotFound(error) && !/does not serve/.test(messageOf(error))) throw error;
    }
  return [];
}

const destination = z.object({ host: z.string(), subset: z.string().optional() });
const localitySetting = z.object({
  enabled: z.boolean().optional(),
  distribute: z
    .array(z.object({ from: z.string().optional(), to: z.record(z.string(), z.number()).optional() }))
    .optional(),
});
const ruleSpec = z.object({
  host: z.string().optional(),
  hosts: z.array(z.string()).optional(),
  http: z
    .array(
      z.object({
        match: z.array(z.unknown()).optional(),
        route: z.array(z.object({ destination, weight: z.number().optional() })).optional(),
      }),
    )
    .optional(),
  subsets: z.array(z.object({ name: z.string(), labels: z.record(z.string(), z.string()).optional() })).optional(),
  trafficPolicy: z
    .object({
      loadBalancer: z.looseObject({ localityLbSetting: localitySetting.optional().catch(undefined) }).optional(),
      outlierDetection: z.looseObject({}).optional(),
    })
    .optional(),
  action: z.string().optional(),
  rules: z.array(z.unknown()).optional(),
  mtls: z.object({ mode: z.string().optional() }).optional(),
});
type RuleSpec = z.output<typeof ruleSpec>;

const isHelloworld = (host = '') => /^(helloworld(\.|$)|\*)/.test(host);

function routeEffect({ hosts = [], http = [] }: RuleSpec): string | undefined {
  if (!hosts.some(isHelloworld)) return undefined;
  const routes = http.flatMap(({ route = [] }) => route);
  const parts = routes.map(
    ({ destination: { host, subset }, weight }) =>
      `${subset === undefined ? clip(host, 60) : `subset ${clip(subset, 40)}`}${weight === undefined ? '' : ` (${weight})`}`,
  );
  return `routes to ${parts.slice(0, 5).join(' and ') || 'nothing'}`;
}

/** Undefined where requests are told apart, or a part of the route names no subset of helloworld. */
function routeWeights({ http: [first] = [] }: RuleSpec): Record<string, number> | undefined {
  const route = first?.match === undefined ? (first?.route ?? []) : [];
  const parts = route.map(({ destination: { host, subset }, weight }) => ({
    subset: isHelloworld(host) ? subset : undefined,
    weight: weight ?? (route.length === 1 ? 100 : 0),
  }));
  if (parts.length === 0 || parts.some(({ subset }) => subset === undefined)) return undefined;
  return Object.fromEntries(parts.map(({ subset, weight }) => [subset, weight]));
}

const subsetVersions = ({ subsets = [] }: RuleSpec): Record<string, string> =>
  Object.fromEntries(subsets.flatMap(({ name, labels }) => (labels?.version ? [[name, labels.version]] : [])));

/** Undefined where the rule states no shares for localities. */
function distributionOf({ host, trafficPolicy: policy }: RuleSpec): string | undefined {
  const { enabled = true, distribute = [] } = policy?.loadBalancer?.localityLbSetting ?? {};
  if (!isHelloworld(host) || !enabled || distribute.length === 0) return undefined;
  const parts = distribute.slice(0, 3).map(({ from = '*', to = {} }) => {
    const shares = Object.entries(to).map(([locality, share]) => `${clip(locality, 60)} ${share}`);
    return `${clip(from, 60)} to ${shares.slice(0, 4).join(', ') || 'nothing'}`;
  });
  return parts.join('; ');
}

function destinationEffect({ host, trafficPolicy: policy }: RuleSpec): string | undefined {
  if (!isHelloworld(host)) return undefined;
  const balancer = policy?.loadBalancer ?? {};
  if ('consistentHash' in balancer) return 'sends equal requests to one endpoint (consistentHash)';
  const distribution = distributionOf({ host, trafficPolicy: policy });
  if (distribution !== undefined) return `distributes requests by locality: ${distribution}`;
  if ('localityLbSetting' in balancer) return 'prefers endpoints by their locality (localityLbSetting)';
  if ('simple' in balancer) return `balances by ${clip(String(balancer.simple), 40)}`;
  return policy?.outlierDetection
    ? 'ejects endpoints that fail and prefers the own locality (outlierDetection)'
    : 'defines subsets';
}

function authorizationEffect({ action = 'ALLOW', rules = [] }: RuleSpec): string | undefined {
  if (action === 'DENY') return 'denies what its rules match';
  if (action !== 'ALLOW') return undefined;
  return rules.length === 0 ? 'allows nothing' : 'allows only what its rules match';
}

const peerEffect = ({ mtls }: RuleSpec): string | undefined =>
  mtls?.mode === 'STRICT' ? 'refuses requests without mTLS' : undefined;

const kinds: Record<MeshRule['kind'], { group: string; effectOf: (spec: RuleSpec) => string | undefined }> = {
  VirtualService: { group: 'networking.istio.io', effectOf: routeEffect },
  DestinationRule: { group: 'networking.istio.io', effectOf: destinationEffect },
  AuthorizationPolicy: { group: 'security.istio.io', effectOf: authorizationEffect },
  PeerAuthentication: { group: 'security.istio.io', effectOf: peerEffect },
};

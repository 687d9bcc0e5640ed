import type { KubernetesObject } from '@kubernetes/client-node';
import * as z from 'zod';
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
  /** What it does that lets requests fail or wait, such as `answers 20 % of the requests with HTTP 503 itself (fault)`. */
  disturbs?: string | undefined;
  /** The limits that it sets, which let requests fail where they are reached, such as `gives up after 2s (timeout)`. */
  limits?: string | undefined;
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
      return objects.flatMap((object) => ruleOf(kind, object, place, namespace) ?? []);
    }),
  );
  try {
    return (await Promise.all(lists)).flat();
  } catch (error) {
    if (!(error instanceof TooMuchError) || budget.bytes >= 0) throw error;
    throw new TooMuchError(`the list of Istio's rules in ${cluster.name}`, `${longestRules / 1_000_000} MB`);
  }
}

/**
 * What a rule does to requests from sleep to helloworld; undefined if nothing.
 * @param namespace its own
 * @param sample that of sleep and helloworld
 */
export function ruleOf(
  kind: MeshRule['kind'],
  { metadata, spec }: IstioObject,
  namespace: string,
  sample: string = namespace,
): MeshRule | undefined {
  const { data } = ruleSpec.safeParse(spec ?? {});
  const isHelloworld = (host: string | undefined) => isHostOf(host, { namespace, sample });
  const effect = data && kinds[kind].effectOf(data, isHelloworld);
  if (data === undefined || effect === undefined) return undefined;
  return {
    ...{ kind, name: metadata.name, namespace, effect },
    ...(kind === 'VirtualService' && {
      weights: routeWeights(data, isHelloworld),
      disturbs: routeDisturbs(data),
      limits: routeLimits(data),
    }),
    ...(kind === 'DestinationRule' && {
      subsets: subsetVersions(data),
      distribution: distributionOf(data),
      disturbs: destinationDisturbs(data),
      limits: data.trafficPolicy?.connectionPool && 'limits connections and requests (connectionPool)',
    }),
  };
}

/**
 * Whether a host of a rule is helloworld: its name in any length, or a wildcard. A name without dots is in the rule's own
 * namespace.
 */
function isHostOf(host = '', { namespace, sample }: { namespace: string; sample: string }): boolean {
  const full = `helloworld.${sample}.svc.cluster.local`;
  if (host.startsWith('*')) return full.endsWith(host.slice(1));
  if (!host.includes('.')) return host === 'helloworld' && namespace === sample;
  return full === host || full.startsWith(`${host}.`) || host.startsWith(`helloworld.${sample}.svc.`);
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
/** Of all requests where it states no percentage. */
const fault = z.looseObject({
  percentage: z.object({ value: z.number().optional() }).optional(),
  fixedDelay: z.string().optional(),
  httpStatus: z.number().optional(),
});
const ruleSpec = z.object({
  host: z.string().optional(),
  hosts: z.array(z.string()).optional(),
  gateways: z.array(z.string()).optional(),
  http: z
    .array(
      z.object({
        match: z.array(z.unknown()).optional(),
        route: z.array(z.object({ destination, weight: z.number().optional() })).optional(),
        fault: z.object({ delay: fault.optional(), abort: fault.optional() }).optional(),
        timeout: z.string().optional(),
        redirect: z.looseObject({}).optional(),
        directResponse: z.looseObject({ status: z.number().optional() }).optional(),
        rewrite: z.looseObject({ uri: z.string().optional() }).optional(),
      }),
    )
    .optional(),
  subsets: z.array(z.object({ name: z.string(), labels: z.record(z.string(), z.string()).optional() })).optional(),
  trafficPolicy: z
    .object({
      loadBalancer: z.looseObject({ localityLbSetting: localitySetting.optional().catch(undefined) }).optional(),
      outlierDetection: z.looseObject({}).optional(),
      connectionPool: z.looseObject({}).optional(),
      tls: z.looseObject({ mode: z.string().optional() }).optional(),
    })
    .optional(),
  action: z.string().optional(),
  rules: z.array(z.unknown()).optional(),
  mtls: z.object({ mode: z.string().optional() }).optional(),
});
type RuleSpec = z.output<typeof ruleSpec>;

type IsHelloworld = (host: string | undefined) => boolean;

function routeEffect({ hosts = [], gateways, http = [] }: RuleSpec, isHelloworld: IsHelloworld): string | undefined {
  // One of a gateway's alone says nothing about requests from pod to pod.
  if (!hosts.some(isHelloworld) || (gateways?.length && !gateways.includes('mesh'))) return undefined;
  const routes = http.flatMap(({ route = [] }) => route);
  const parts = routes.map(
    ({ destination: { host, subset }, weight }) =>
      `${subset === undefined ? clip(host, 60) : `subset ${clip(subset, 40)}`}${weight === undefined ? '' : ` (${weight})`}`,
  );
  return `routes to ${parts.slice(0, 5).join(' and ') || 'nothing'}`;
}

/** Undefined where requests are told apart, or a part of the route names no subset of helloworld. */
function routeWeights(
  { http: [first] = [] }: RuleSpec,
  isHelloworld: IsHelloworld,
): Record<string, number> | undefined {
  const route = first?.match === undefined ? (first?.route ?? []) : [];
  const parts = route.map(({ destination: { host, subset }, weight }) => ({
    subset: isHelloworld(host) ? subset : undefined,
    weight: weight ?? (route.length === 1 ? 100 : 0),
  }));
  if (parts.length === 0 || parts.some(({ subset }) => subset === undefined)) return undefined;
  return Object.fromEntries(parts.map(({ subset, weight }) => [subset, weight]));
}

/** What a VirtualService does to requests beside sending them somewhere; undefined if nothing. */
function routeDisturbs({ http = [] }: RuleSpec): string | undefined {
  const acts = http.flatMap(({ fault: { abort, delay } = {}, redirect, directResponse, rewrite }) => [
    abort && meets(abort) && `answers ${partOf(abort)} with ${statusText(abort.httpStatus)} itself (fault)`,
    delay && meets(delay) && `delays ${partOf(delay)} by ${clip(delay.fixedDelay ?? 'some time', 20)} (fault)`,
    redirect && 'redirects requests',
    directResponse && `answers with ${statusText(directResponse.status)} itself (directResponse)`,
    rewrite?.uri !== undefined && `rewrites the path to ${clip(rewrite.uri, 60)}`,
  ]);
  return joined(acts);
}

const meets = ({ percentage }: z.output<typeof fault>) => percentage?.value !== 0;
const partOf = ({ percentage }: z.output<typeof fault>) => `${percentage?.value ?? 100} % of the requests`;
const statusText = (status: number | undefined) => (status === undefined ? 'an error' : `HTTP ${status}`);

const routeLimits = ({ http = [] }: RuleSpec): string | undefined =>
  joined(
    http.map(
      ({ timeout }) => timeout !== undefined && timeout !== '0s' && `gives up after ${clip(timeout, 20)} (timeout)`,
    ),
  );

const joined = (acts: readonly (string | false | undefined)[]): string | undefined =>
  acts
    .filter((act) => typeof act === 'string')
    .slice(0, 3)
    .join(' and ') || undefined;

function destinationDisturbs({ trafficPolicy: policy }: RuleSpec): string | undefined {
  const { mode = 'ISTIO_MUTUAL' } = policy?.tls ?? {};
  return mode === 'ISTIO_MUTUAL' ? undefined : `sends requests without the mesh's mTLS (tls mode ${clip(mode, 20)})`;
}

const subsetVersions = ({ subsets = [] }: RuleSpec): Record<string, string> =>
  Object.fromEntries(subsets.flatMap(({ name, labels }) => (labels?.version ? [[name, labels.version]] : [])));

/** Undefined where the rule states no shares for localities. */
function distributionOf({ trafficPolicy: policy }: RuleSpec): string | undefined {
  const { enabled = true, distribute = [] } = policy?.loadBalancer?.localityLbSetting ?? {};
  if (!enabled || distribute.length === 0) return undefined;
  const parts = distribute.slice(0, 3).map(({ from = '*', to = {} }) => {
    const shares = Object.entries(to).map(([locality, share]) => `${clip(locality, 60)} ${share}`);
    return `${clip(from, 60)} to ${shares.slice(0, 4).join(', ') || 'nothing'}`;
  });
  return parts.join('; ');
}

function destinationEffect({ host, trafficPolicy: policy }: RuleSpec, isHelloworld: IsHelloworld): string | undefined {
  if (!isHelloworld(host)) return undefined;
  const balancer = policy?.loadBalancer ?? {};
  if ('consistentHash' in balancer) return 'sends similar requests to the same endpoint (consistentHash)';
  const distribution = distributionOf({ trafficPolicy: policy });
  if (distribution !== undefined) return `distributes requests by locality: ${distribution}`;
  if ('localityLbSetting' in balancer) return 'prefers endpoints by their locality (localityLbSetting)';
  if ('simple' in balancer) return `balances by ${clip(String(balancer.simple), 40)}`;
  return policy?.outlierDetection
    ? 'ejects failing endpoints and prefers its own locality (outlierDetection)'
    : 'defines subsets';
}

function authorizationEffect({ action = 'ALLOW', rules = [] }: RuleSpec): string | undefined {
  if (action === 'DENY') return 'denies what its rules match';
  if (action !== 'ALLOW') return undefined;
  return rules.length === 0 ? 'allows nothing' : 'allows only what its rules match';
}

const peerEffect = ({ mtls }: RuleSpec): string | undefined =>
  mtls?.mode === 'STRICT' ? 'refuses requests without mTLS' : undefined;

const kinds: Record<
  MeshRule['kind'],
  { group: string; effectOf: (spec: RuleSpec, isHelloworld: IsHelloworld) => string | undefined }
> = {
  VirtualService: { group: 'networking.istio.io', effectOf: routeEffect },
  DestinationRule: { group: 'networking.istio.io', effectOf: destinationEffect },
  AuthorizationPolicy: { group: 'security.istio.io', effectOf: authorizationEffect },
  PeerAuthentication: { group: 'security.istio.io', effectOf: peerEffect },
};

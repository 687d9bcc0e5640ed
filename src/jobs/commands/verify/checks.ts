import { hours, minutes } from '../../../duration.js';
import type { Check } from '../../../k8s/check.js';
import type { KubeconfigTrial } from '../../../k8s/credentials/demo-kubeconfig.js';
import { helloworldPort } from '../../../k8s/mesh/helloworld.js';
import { minorOf, minorsAhead, supportOf } from '../../../k8s/mesh/istio-support.js';
import type { Fact } from '../../../k8s/fact.js';
import type { ClusterFacts, HelloworldService, MeshPod } from '../../../k8s/mesh/mesh-facts.js';
import { keysOf, valueAt } from '../../../records.js';

/** Two clusters with one mesh. */
export type PairFacts = readonly [ClusterFacts, ClusterFacts];

/** What is known of a demo beside its clusters. */
export interface HostFacts {
  /** By cluster: the address at which pods of the other one reach its API. */
  apiAddresses: Partial<Record<string, string>>;
  /** What a test of the demo's kubeconfig found. */
  kubeconfig?: Fact<KubeconfigTrial> | undefined;
  /** By cluster: the host's NetworkPolicies that cut requests from its sleep or its istiod to the other one. */
  cutBy?: Partial<Record<string, Fact<string[]>>>;
  /** By cluster: whether its Dashboard is ready. */
  dashboards?: Partial<Record<string, Fact<Check>>>;
  /** By cluster: its control plane. */
  controlPlanes?: Partial<Record<string, Fact<ControlPlane | undefined>>>;
}

/** The workload that runs a virtual cluster. */
export interface ControlPlane {
  /** `StatefulSet demo-vc1/vc1` */
  workload: string;
  isStopped: boolean;
  /** Undefined where the image is named by its digest. */
  vcluster: string | undefined;
}

export interface Finding {
  check: CheckName;
  cluster: string;
  state: 'pass' | 'fail' | 'unknown';
  /** What was seen, in one sentence without a full stop. */
  evidence: string;
}

type Seen = Pick<Finding, 'state' | 'evidence'>;
interface Sides {
  facts: ClusterFacts;
  other: ClusterFacts;
  /** Undefined if the mesh is not a demo's. */
  host: HostFacts | undefined;
  now: Date;
}

const pass = (evidence: string): Seen => ({ state: 'pass', evidence });
const fail = (evidence: string): Seen => ({ state: 'fail', evidence });
const unknown = (evidence: string): Seen => ({ state: 'unknown', evidence });

/** Judges what was read; what was not is unknown. */
function of<Value>(fact: Fact<Value>, judge: (value: Value) => Seen): Seen {
  return fact.problem === undefined ? judge(fact.value) : unknown(fact.problem);
}

/** Whose pods are sent requests, or send them: what else is in the namespace is somebody else's. */
/** The beginnings of two hashes. */
const hashes = (one: string, other: string) => `SHA-256 ${one.slice(0, 12)}…, ${other.slice(0, 12)}…`;

const isSample = ({ app }: MeshPod) => app === 'sleep' || app === 'helloworld';

function judgeService({ selector, ports }: HelloworldService, pods: readonly MeshPod[]): Seen {
  if (!ports.includes(helloworldPort)) return fail(`the Service helloworld has no port ${helloworldPort}`);
  const isSelected = ({ labels }: MeshPod) => Object.entries(selector).every(([key, value]) => labels[key] === value);
  const left = pods.find((pod) => pod.app === 'helloworld' && !isSelected(pod));
  const asked = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
  return left
    ? fail(`the selector of the Service helloworld (${asked.join(', ') || 'none'}) does not select ${left.name}`)
    : pass('selects the pods of helloworld');
}

const notReady = (facts: ClusterFacts, app: string) =>
  of(facts.pods, (pods) => {
    const found = pods.filter((pod) => pod.app === app);
    const good = found.filter(({ problem }) => problem === undefined);
    if (good.length > 0) return pass(`${good.length} ready`);
    return fail(found[0]?.problem ?? `no pod of ${app}`);
  });

/** Each looks at one cluster, with the other in view. */
const table = {
  api: ({ facts }: Sides) =>
    facts.api.problem === undefined ? pass('answers') : fail(`its API does not answer: ${facts.api.problem}`),
  controlPlane: ({ facts, host }: Sides) => {
    const controlPlane = host?.controlPlanes?.[facts.name];
    return (
      controlPlane &&
      of(controlPlane, (found) => {
        if (!found) return fail('its StatefulSet in the host cluster is missing');
        return found.isStopped ? fail(`${found.workload} in the host cluster is scaled to 0`) : pass(found.workload);
      })
    );
  },
  publicName: ({ host }: Sides) =>
    host?.kubeconfig &&
    of(host.kubeconfig, ({ publicProblem, kubeconfigProblem }) => {
      if (kubeconfigProblem !== undefined) return unknown('not tested, because the kubeconfig does not work');
      return publicProblem === undefined
        ? pass('its API answers there, and accepts the kubeconfig that was sent')
        : fail(`the public name does not work: ${publicProblem}`);
    }),
  kubeconfig: ({ host }: Sides) =>
    host?.kubeconfig &&
    of(host.kubeconfig, ({ kubeconfigProblem }) =>
      kubeconfigProblem === undefined
        ? pass('the kubeconfig is the current one')
        : fail(`the kubeconfig does not work: ${kubeconfigProblem}`),
    ),
  credentials: ({ host, now }: Sides) =>
    host?.kubeconfig &&
    of(host.kubeconfig, ({ ends }) =>
      ends === undefined
        ? unknown('not known')
        : life('the client certificate of the kubeconfig', ends, now, minutes(10)),
    ),
  istiod: ({ facts }: Sides) =>
    of(facts.istiod, (check) => (check.holds ? pass('ready') : fail(`istiod is not ready: ${check.seen}`))),
  authorityLife: ({ facts, now }: Sides) =>
    of(facts.authority, ({ rootEnds, intermediateEnds }) => {
      const root = life("the mesh's root certificate", rootEnds, now, hours(24));
      return root.state === 'fail' ? root : life('the intermediate CA', intermediateEnds, now, hours(24));
    }),
  oneRoot: ({ facts, other }: Sides) =>
    of(facts.authority, (own) =>
      of(other.authority, (theirs) =>
        own.root === theirs.root
          ? pass('the same root in both')
          : fail(`its root CA differs from ${other.name}'s (${hashes(own.root, theirs.root)})`),
      ),
    ),
  rootUsed: ({ facts }: Sides) =>
    of(facts.authority, ({ root, otherRoot }) =>
      otherRoot === undefined
        ? pass('that of Secret cacerts')
        : fail(
            `istiod uses another root CA than that of Secret cacerts (${hashes(otherRoot, root)}): it started without the Secret, or before it was changed`,
          ),
    ),
  remoteSecret: ({ facts, other }: Sides) =>
    of(facts.remoteSecrets, (secrets) =>
      secrets.some(({ cluster }) => cluster === other.name)
        ? pass('exists')
        : fail(`istiod in ${facts.name} has no remote secret for ${other.name}`),
    ),
  remoteAuthority: (sides: Sides) =>
    ofRemoteSecret(sides, ({ isAuthority }) =>
      isAuthority
        ? pass('current')
        : fail(`the remote secret's CA is not the one that ${sides.other.name}'s API uses now`),
    ),
  remoteToken: (sides: Sides) =>
    ofRemoteSecret(sides, ({ refused }) =>
      refused === undefined
        ? pass('accepted')
        : sides.other.api.problem === undefined
          ? fail(`the API of ${sides.other.name} does not accept the remote secret's token: ${refused}`)
          : unknown(refused),
    ),
  tokenLife: (sides: Sides) =>
    ofRemoteSecret(sides, ({ tokenEnds }) =>
      tokenEnds === undefined
        ? pass('the token of the remote secret does not expire')
        : life('the token of the remote secret', tokenEnds, sides.now, hours(1)),
    ),
  remoteAddress: (sides: Sides) =>
    ofRemoteSecret(sides, ({ server }) => {
      const expected = sides.host?.apiAddresses[sides.other.name];
      if (expected === undefined) return unknown(`${server}; the right one is not known`);
      return server === expected
        ? pass(server)
        : fail(
            `the remote secret names ${server || 'no address'}, but the API of ${sides.other.name} is at ${expected}`,
          );
    }),
  remoteState: ({ facts, other }: Sides) =>
    of(facts.remoteStates, (states) => {
      const state = valueAt(states, other.name) ?? 'unknown to istiod';
      return state === 'synced' ? pass(state) : fail(`istiod in ${facts.name} reports ${other.name} as \`${state}\``);
    }),
  proxies: ({ facts }: Sides) =>
    of(facts.proxies, (proxies) => {
      const behind = proxies.filter(({ stale }) => stale.length > 0);
      if (proxies.length === 0) return fail('no proxy is connected to istiod');
      return behind.length === 0
        ? pass(`${proxies.length} in sync`)
        : fail(
            `not in sync with istiod: ${behind
              .map(({ name, stale }) => `${name} (${stale.join(', ')})`)
              .slice(0, 3)
              .join(', ')}`,
          );
    }),
  gateways: ({ facts }: Sides) =>
    of(facts.gateways, (gateways) => {
      const down = gateways.find(({ problem }) => problem !== undefined);
      if (down) return fail(`the gateway is not ready: ${down.problem}`);
      return pass(gateways.length === 0 ? 'none is installed' : gateways.map(({ name }) => name).join(', '));
    }),
  dashboards: ({ facts, host }: Sides) => {
    const dashboard = host?.dashboards?.[facts.name];
    return (
      dashboard &&
      of(dashboard, (check) => (check.holds ? pass('ready') : fail(`the Dashboard is not ready: ${check.seen}`)))
    );
  },
  injection: ({ facts }: Sides) =>
    of(facts.injection, (isOn) =>
      isOn ? pass('on') : fail('the namespace is not labelled istio-injection=enabled, so new pods get no sidecar'),
    ),
  sidecars: ({ facts }: Sides) =>
    of(facts.pods, (pods) => {
      const bare = pods.filter((pod) => isSample(pod) && !pod.hasSidecar).map(({ name }) => name);
      return bare.length === 0
        ? pass('in every pod of sleep and helloworld')
        : fail(`no sidecar in ${bare.slice(0, 3).join(', ')}`);
    }),
  sleep: ({ facts }: Sides) => notReady(facts, 'sleep'),
  helloworld: ({ facts }: Sides) => notReady(facts, 'helloworld'),
  service: ({ facts }: Sides) =>
    of(facts.service, (service) => (service ? pass('exists') : fail('the Service helloworld is missing'))),
  serviceTarget: ({ facts }: Sides) =>
    of(facts.service, (service) =>
      of(facts.pods, (pods) => (service ? judgeService(service, pods) : unknown('it is missing'))),
    ),
  endpoints: ({ facts, other }: Sides) =>
    of(facts.sidecar, ({ endpoints }) =>
      of(facts.pods, (own) => of(other.pods, (theirs) => compareEndpoints(endpoints, [...own, ...theirs]))),
    ),
  newConnection: ({ facts, other }: Sides) =>
    of(facts.peer, (peer) => {
      if (peer === undefined) return unknown(`helloworld is not ready in ${other.name}`);
      if (peer.isReached === undefined) return unknown(`it could not be tried: ${peer.problem}`);
      return peer.isReached
        ? pass(`reaches ${peer.pod}`)
        : fail(`a new connection from sleep does not reach ${peer.pod} of ${other.name}: ${peer.problem}`);
    }),
  networkPolicies: ({ facts, other, host }: Sides) => {
    const cutBy = host?.cutBy?.[facts.name];
    return (
      cutBy &&
      of(cutBy, (policies) =>
        policies.length === 0
          ? pass(`let requests through to ${other.name}`)
          : fail(
              `NetworkPolicy ${policies.slice(0, 3).join(', ')} in the host cluster blocks requests to ${other.name}`,
            ),
      )
    );
  },
  mtls: ({ facts, other }: Sides) =>
    of(facts.peer, (peer) =>
      of(facts.sidecar, ({ transport }) => {
        if (transport?.peers.length === 0)
          return fail('the sidecar of sleep sends its requests to helloworld without mTLS');
        if (peer?.identity === undefined)
          return peer?.isReached
            ? fail(`${peer.pod} of ${other.name} does not speak mTLS: ${peer.problem}`)
            : unknown(peer?.problem ?? `helloworld is not ready in ${other.name}`);
        if (peer.isOfRoot === false)
          return fail(
            `${peer.pod} of ${other.name} presents ${peer.identity}, which this cluster's root CA has not signed`,
          );
        if (transport && !transport.peers.includes(peer.identity))
          return fail(
            `${peer.pod} of ${other.name} presents ${peer.identity}, but the sidecar of sleep expects ${transport.peers.join(', ')}`,
          );
        return pass(`${peer.pod} of ${other.name} presents ${peer.identity}`);
      }),
    ),
  identity: ({ facts, now }: Sides) =>
    of(facts.sidecar, ({ certificate }) =>
      certificate === undefined
        ? unknown('the sidecar did not show its certificate')
        : life(`the certificate of ${certificate.identity}`, certificate.ends, now, minutes(10)),
    ),
  versions: ({ facts }: Sides) =>
    of(facts.istiodVersion, (istiod) =>
      of(facts.pods, (pods) => {
        const versions = [...new Set(pods.filter(isSample).flatMap(({ sidecarVersion }) => sidecarVersion ?? []))];
        if (istiod === undefined || versions.length === 0) return unknown('images are named by digest');
        // Istio supports sidecars of the same minor version and of the one before.
        const others = versions.filter((version) => ![0, 1].includes(minorsAhead(istiod, version) ?? -1));
        return others.length === 0
          ? pass(`istiod ${istiod}, sidecars ${versions.join(', ')}`)
          : fail(`istiod is ${istiod}, but there are sidecars of ${others.join(', ')}`);
      }),
    ),
  istiodVersions: ({ facts, other }: Sides) =>
    of(facts.istiodVersion, (own) =>
      of(other.istiodVersion, (theirs) => {
        if (own === undefined || theirs === undefined) return unknown('images are named by digest');
        // Istio supports control planes that differ by one minor version.
        return Math.abs(minorsAhead(own, theirs) ?? Infinity) <= 1
          ? pass(`istiod ${[...new Set([own, theirs])].join(' and ')}`)
          : fail(`istiod is ${own}, but ${theirs} in ${other.name}: they may differ by at most one minor version`);
      }),
    ),
  kubernetes: ({ facts }: Sides) =>
    of(facts.istiodVersion, (istiod) =>
      of(facts.kubernetes, (kubernetes) => {
        if (istiod === undefined) return unknown('images are named by digest');
        const support = supportOf(istiod, kubernetes);
        if (!support)
          return unknown(`vcdemo does not know which versions of Kubernetes Istio ${minorOf(istiod)} supports`);
        return support.fits
          ? pass(`Istio ${istiod} supports Kubernetes ${kubernetes}`)
          : fail(`Istio ${minorOf(istiod)} supports Kubernetes ${support.range}, but this is ${kubernetes}`);
      }),
    ),
  vclusterVersions: ({ facts, other, host }: Sides) => {
    const [own, theirs] = [host?.controlPlanes?.[facts.name], host?.controlPlanes?.[other.name]];
    return (
      own &&
      theirs &&
      of(own, (mine) =>
        of(theirs, (others) =>
          mine?.vcluster === others?.vcluster
            ? pass(`vcluster ${mine?.vcluster ?? 'by digest'}`)
            : fail(`vcluster is ${mine?.vcluster ?? 'unknown'}, but ${others?.vcluster ?? 'unknown'} in ${other.name}`),
        ),
      )
    );
  },
} satisfies Record<string, (sides: Sides) => Seen | undefined>;

export type CheckName = keyof typeof table;

export const checkNames = keysOf(table);

/** The same for both clusters is said once. */
const once: readonly CheckName[] = [
  'publicName',
  'kubeconfig',
  'credentials',
  'oneRoot',
  'istiodVersions',
  'vclusterVersions',
];

/** What is seen of a cluster whose API does not answer. */
const outside: readonly CheckName[] = [
  ...(['api', 'controlPlane', 'publicName', 'kubeconfig', 'credentials'] as const),
  ...(['networkPolicies', 'vclusterVersions'] as const),
];

/** Judges everything that was read of the pair; checks of a demo's host are left out of other meshes. */
export function checkPair(pair: PairFacts, host: HostFacts | undefined, now: Date): Finding[] {
  return checkNames.flatMap((check) =>
    pair
      .map((facts, index) => ({ facts, other: pair[index === 0 ? 1 : 0] }))
      .slice(0, once.includes(check) ? 1 : 2)
      .flatMap(({ facts, other }): Finding[] => {
        // Where the API does not answer, nothing else can be known.
        const isSilent = facts.api.problem !== undefined && !outside.includes(check);
        const seen = table[check]({ facts, other, host, now });
        if (seen === undefined) return [];
        return [{ check, cluster: facts.name, ...(isSilent ? unknown('its API does not answer') : seen) }];
      }),
  );
}

function ofRemoteSecret(
  { facts, other }: Sides,
  judge: (secret: NonNullable<ClusterFacts['remoteSecrets']['value']>[number]) => Seen,
): Seen {
  return of(facts.remoteSecrets, (secrets) => {
    const secret = secrets.find(({ cluster }) => cluster === other.name);
    return secret ? judge(secret) : unknown('the remote secret is missing');
  });
}

function compareEndpoints(
  endpoints: { address: string; isHealthy: boolean }[] | undefined,
  pods: readonly { name: string; app: string; ip: string; problem?: string | undefined }[],
): Seen {
  if (endpoints === undefined) return unknown('the sidecar showed no endpoints');
  const addresses = endpoints.map(({ address }) => address.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''));
  const ready = pods.filter(({ app, problem }) => app === 'helloworld' && problem === undefined);
  const absent = ready.filter(({ ip }) => !addresses.includes(ip)).map(({ name }) => name);
  if (absent.length > 0) return fail(`the sidecar of sleep does not know ${absent.join(', ')}`);
  const dead = addresses.filter((address) => !pods.some(({ ip }) => ip === address));
  if (dead.length > 0) return fail(`the sidecar of sleep has endpoints without a pod: ${dead.join(', ')}`);
  const ill = endpoints.filter(({ isHealthy }) => !isHealthy).map(({ address }) => address);
  return ill.length > 0 ? fail(`the sidecar of sleep avoids ${ill.join(', ')}`) : pass(addresses.join(', '));
}

function life(what: string, ends: Date, now: Date, least: number): Seen {
  const left = ends.getTime() - now.getTime();
  const when = ends.toISOString().slice(0, 16).replace('T', ' ');
  if (!(left > 0)) return fail(`${what} expired at ${when} UTC`);
  return left < least ? fail(`${what} expires at ${when} UTC`) : pass(`${what} is valid until ${when} UTC`);
}

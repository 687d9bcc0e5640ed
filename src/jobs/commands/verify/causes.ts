import { mrkdwn, type Mrkdwn } from '../../../mrkdwn.js';
import type { MeshRule } from '../../../k8s/mesh-rules.js';
import type { CheckName, Finding, PairFacts } from './checks.js';
import type { Direction } from './measure.js';
import type { DirectionVerdict, Verdict } from './verdict.js';

/** All that a diagnosis is made of. */
export interface Evidence {
  demo: string;
  findings: readonly Finding[];
  pair: PairFacts;
  directions: readonly Direction[];
  verdict: Verdict;
}

export interface Cause {
  name: string;
  /** What was seen that speaks for it. */
  evidence: string[];
  /** What to do about it. */
  remedy: Mrkdwn;
  /** Whether `create` mends it, of a demo of ours. */
  isRepairable: boolean;
}

interface Row {
  name: string;
  /** What speaks for it; nothing where it does not hold. */
  seen: (evidence: Evidence) => string[];
  remedy: (demo: string) => Mrkdwn;
  /** Whether `create` mends it, and restarts nothing that works. */
  isRepairable?: true;
  /** Whether it follows from others, and is named only where none of those above holds. */
  isLast?: true;
}

const restore = (demo: string) => mrkdwn`\`/vcdemo create ${demo}\` restores it.`;

/** In the order in which they are named: what others follow from comes first. */
const rows: readonly Row[] = [
  {
    name: 'a virtual cluster is down',
    seen: failing('api'),
    remedy: (demo) =>
      mrkdwn`\`/vcdemo status ${demo}\` shows what is blocking its pod; \`/vcdemo create ${demo}\` installs what is missing.`,
  },
  {
    name: 'the client certificate has expired',
    seen: failing('credentials'),
    remedy: (demo) =>
      mrkdwn`\`/vcdemo create ${demo}\` issues a new one; \`/vcdemo kubeconfig ${demo}\` gives people theirs.`,
    isRepairable: true,
  },
  { name: 'istiod is down', seen: failing('istiod'), remedy: restore, isRepairable: true },
  {
    name: 'the clusters have different root CAs',
    seen: failing('oneRoot'),
    remedy: (demo) =>
      mrkdwn`${restore(demo)} Then restart istiod and the pods of the cluster whose Secret cacerts was wrong.`,
    isRepairable: true,
  },
  {
    name: 'a CA of the mesh has expired',
    seen: failing('authorityLife'),
    remedy: () => mrkdwn`Put new certificates into Secret cacerts of both clusters, then restart istiod and the pods.`,
  },
  { name: 'a remote secret is missing', seen: failing('remoteSecret'), remedy: restore, isRepairable: true },
  {
    name: "a cluster's CA was changed",
    seen: failing('remoteAuthority'),
    remedy: (demo) => mrkdwn`The other istiod needs a remote secret with the new CA. ${restore(demo)}`,
    isRepairable: true,
  },
  { name: 'a remote secret has a dead address', seen: failing('remoteAddress'), remedy: restore, isRepairable: true },
  {
    name: "a remote secret's token is not accepted",
    // It follows from a changed CA.
    seen: (evidence) => (failing('remoteAuthority')(evidence).length > 0 ? [] : failing('remoteToken')(evidence)),
    remedy: restore,
    isRepairable: true,
  },
  {
    name: 'the namespace is not labelled for injection',
    seen: failing('injection'),
    remedy: (demo) =>
      mrkdwn`${restore(demo)} Then restart Deployments whose pods have no sidecar: \`kubectl -n sample rollout restart deployment\`.`,
    isRepairable: true,
  },
  {
    name: 'pods have no sidecar',
    seen: (evidence) => (failing('injection')(evidence).length > 0 ? [] : failing('sidecars')(evidence)),
    remedy: () =>
      mrkdwn`Restart their Deployments, now that injection is on: \`kubectl -n sample rollout restart deployment\`.`,
  },
  {
    name: 'a sidecar has no valid certificate',
    seen: failing('identity'),
    remedy: () => mrkdwn`Restart the pod; if that does not help, look at the log of istiod.`,
  },
  { name: 'sleep is missing', seen: failing('sleep'), remedy: restore, isRepairable: true },
  {
    name: 'a version of helloworld is not running',
    seen: failing('helloworld'),
    remedy: restore,
    isRepairable: true,
  },
  { name: 'the Service is missing in one cluster', seen: failing('service'), remedy: restore, isRepairable: true },
  {
    name: 'an AuthorizationPolicy denies the requests',
    seen: (evidence) =>
      hasError(evidence, /HTTP 403|RBAC: access denied/) ? describe(evidence, 'AuthorizationPolicy') : [],
    remedy: () => mrkdwn`Change or delete the policy.`,
  },
  {
    name: 'PeerAuthentication refuses pods without a sidecar',
    seen: (evidence) =>
      failing('sidecars')(evidence).length > 0 && hasError(evidence, /./)
        ? describe(evidence, 'PeerAuthentication')
        : [],
    remedy: () => mrkdwn`Give the pods sidecars, or set the mode to PERMISSIVE.`,
  },
  {
    name: 'a rule routes the requests elsewhere',
    seen: (evidence) =>
      evidence.directions.some(isOneSided) ||
      evidence.verdict.directions.some(isUnlike) ||
      hasError(evidence, /no healthy upstream|HTTP 503/)
        ? [
            ...describe(evidence, 'VirtualService'),
            ...describe(evidence, 'DestinationRule', /^(defines subsets|balances by)/),
          ]
        : [],
    remedy: () => mrkdwn`Delete the rule, or verify with the weights that it states (\`--expect v1=90,v2=10\`).`,
  },
  {
    name: 'istiod has not synced with the other cluster',
    isLast: true,
    seen: (evidence) => [...failing('endpoints')(evidence), ...failing('remoteState')(evidence)],
    remedy: () =>
      mrkdwn`Restart istiod of that cluster: \`kubectl -n istio-system rollout restart deployment istiod\`.`,
  },
  {
    name: 'the network between the clusters is cut',
    isLast: true,
    seen: ({ directions }) =>
      directions.flatMap(({ from, traffic }) => {
        const errors = traffic ? Object.keys({ ...traffic.parallel.errors, ...traffic.sequential.errors }) : [];
        const cut = errors.find((error) =>
          /timed? ?out|connection failure|connect error|reset before headers/i.test(error),
        );
        return cut === undefined || /TLS_error|CERTIFICATE/.test(cut) ? [] : [`from ${from}: ${cut}`];
      }),
    remedy: () =>
      mrkdwn`Look at NetworkPolicies of the two namespaces in the host cluster: pods of one have to reach the other's.`,
  },
  {
    name: 'a sidecar of another version',
    isLast: true,
    seen: failing('versions'),
    remedy: () => mrkdwn`Restart the Deployments, so that their pods get current sidecars.`,
  },
];

export const causeNames: readonly string[] = rows.map(({ name }) => name);

/** Every cause that holds, the first to look at first; none where the verdict is a pass or nothing explains it. */
export function findCauses(evidence: Evidence): Cause[] {
  if (evidence.verdict.kind === 'pass') return [];
  const causes: Cause[] = [];
  for (const { name, seen, remedy, isLast, isRepairable = false } of rows) {
    if (isLast && causes.length > 0) continue;
    const found = seen(evidence);
    if (found.length > 0) causes.push({ name, evidence: found, remedy: remedy(evidence.demo), isRepairable });
  }
  return causes;
}

function failing(check: CheckName): (evidence: Evidence) => string[] {
  return ({ findings }) =>
    findings
      .filter((finding) => finding.check === check && finding.state === 'fail')
      .map(({ cluster, evidence }) => `${cluster}: ${evidence}`);
}

function hasError({ directions }: Evidence, pattern: RegExp): boolean {
  return directions.some(({ traffic }) =>
    Object.keys({ ...traffic?.parallel.errors, ...traffic?.sequential.errors }).some((error) => pattern.test(error)),
  );
}

/** Whether only one version answers. */
function isOneSided({ traffic }: Direction): boolean {
  return traffic !== undefined && Object.keys(traffic.sequential.versions).length === 1;
}

/** Whether shares decided that it fails. */
const isUnlike = ({ kind, reason, shares }: DirectionVerdict): boolean => kind === 'fail' && reason === shares?.reason;

/** The rules of a kind that apply to helloworld, but those whose effect is harmless. */
function describe({ pair }: Evidence, kind: MeshRule['kind'], harmless?: RegExp): string[] {
  return pair.flatMap(({ name: cluster, rules }) =>
    (rules.value ?? [])
      .filter((rule) => rule.kind === kind && !harmless?.test(rule.effect))
      .map(({ name, namespace, effect }) => `${cluster}: ${kind} ${namespace}/${name} ${effect}`),
  );
}

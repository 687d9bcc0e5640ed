import { mrkdwn, type Mrkdwn } from '../../../mrkdwn.js';
import type { MeshRule } from '../../../k8s/mesh/mesh-rules.js';
import type { CheckName, Finding, PairFacts } from './checks.js';
import type { Direction } from './measure.js';
import { keepsVersionOut } from './expected.js';
import type { DirectionVerdict, Verdict } from './verdict.js';

/** All that a diagnosis is made of. */
interface Evidence {
  /** Whose mesh it is; undefined if it is not a demo's. */
  demo: string | undefined;
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
  /** Whether mending it restarts istiod, the ingress gateway and the samples. */
  restarts: boolean;
  /** Whether mending it starts what somebody has stopped, which is not done without a question either. */
  starts: boolean;
  /** Whether it is a fault that explains nothing about requests. */
  isApart?: true;
}

interface Row {
  name: string;
  /** What speaks for it; nothing where it does not hold. */
  seen: (evidence: Evidence) => string[];
  /** What to do by hand, in whosever mesh. */
  remedy: Mrkdwn;
  /** Whether `create` mends it in a demo. */
  isRepairable?: true | ((evidence: Evidence) => boolean);
  /** Whether that starts what somebody has stopped. */
  starts?: true;
  /** Whether that takes new pods of istiod and the samples. */
  restarts?: true;
  /** Whether it is named although requests are answered: people cannot log in, or the mesh breaks when something restarts. */
  isFaultAnyway?: true;
  /** Whether it follows from others, and is named only where none of those above holds. */
  isLast?: true;
  /** Whether it explains nothing about requests, so that others are looked for nevertheless. */
  isApart?: true | ((evidence: Evidence) => boolean);
}

const restartIstiod = mrkdwn`Restart istiod of that cluster: \`kubectl -n istio-system rollout restart deployment istiod\`.`;

/** In the order in which they are named: what others follow from comes first. */
const rows: readonly Row[] = [
  {
    name: 'a virtual cluster is down',
    seen: (evidence) => [...failing('api')(evidence), ...failing('controlPlane')(evidence)],
    remedy: mrkdwn`Check its StatefulSet and its pod in the host cluster: replicas, status, events and logs.`,
    // What somebody scaled to 0 is started again; a control plane that runs and does not answer needs a look.
    isRepairable: ({ findings }) => {
      const failed = (check: CheckName) =>
        findings.filter((one) => one.check === check && one.state === 'fail').map(({ cluster }) => cluster);
      const stopped = failed('controlPlane');
      return failed('api').every((cluster) => stopped.includes(cluster));
    },
    starts: true,
  },
  {
    name: 'the client certificate has expired',
    seen: (evidence) => {
      const ended = failing('credentials')(evidence);
      return ended.length > 0 ? [...ended, ...failing('kubeconfig')(evidence)] : [];
    },
    remedy: mrkdwn`Issue a new one; people get theirs with the button *Kubeconfig* on the demo's card.`,
    isRepairable: true,
    isFaultAnyway: true,
    isApart: true,
  },
  {
    name: 'istiod is down',
    seen: failing('istiod'),
    remedy: mrkdwn`Check its Deployment and pods: \`kubectl -n istio-system describe deployment,pods -l app=istiod\`.`,
    isRepairable: true,
    isFaultAnyway: true,
  },
  {
    name: 'the clusters have different root CAs',
    seen: (evidence) => [...failing('oneRoot')(evidence), ...failing('rootUsed')(evidence)],
    remedy: mrkdwn`Put intermediate CAs from the same root into Secret istio-system/cacerts of both clusters, then restart istiod and the pods.`,
    isRepairable: true,
    restarts: true,
    isFaultAnyway: true,
  },
  {
    name: 'a CA of the mesh has expired, or expires within a day',
    seen: failing('authorityLife'),
    remedy: mrkdwn`Put new certificates into Secret cacerts of both clusters, then restart istiod and the pods.`,
    isFaultAnyway: true,
  },
  {
    name: 'a remote secret is missing',
    seen: failing('remoteSecret'),
    remedy: mrkdwn`Create it with \`istioctl create-remote-secret\`, and apply it in the other cluster.`,
    isRepairable: true,
    isFaultAnyway: true,
  },
  {
    name: "a cluster's CA was changed",
    seen: failing('remoteAuthority'),
    remedy: mrkdwn`Recreate the remote secret with \`istioctl create-remote-secret\`: it needs the new CA.`,
    isRepairable: true,
    isFaultAnyway: true,
  },
  {
    name: "the demo's kubeconfig is out of date",
    // An expired one has a name of its own.
    seen: (evidence) => (failing('credentials')(evidence).length > 0 ? [] : failing('kubeconfig')(evidence)),
    remedy: mrkdwn`Issue a new one; people get theirs with the button *Kubeconfig* on the demo's card.`,
    isRepairable: true,
    isFaultAnyway: true,
    isApart: true,
  },
  {
    name: 'a remote secret has the wrong address',
    seen: failing('remoteAddress'),
    remedy: mrkdwn`Recreate it with \`istioctl create-remote-secret --server\` and an address that the other istiod reaches.`,
    isRepairable: true,
    isFaultAnyway: true,
  },
  {
    name: "a remote secret's token is not accepted",
    // It follows from a changed CA.
    seen: (evidence) => (failing('remoteAuthority')(evidence).length > 0 ? [] : failing('remoteToken')(evidence)),
    remedy: mrkdwn`Recreate the remote secret with \`istioctl create-remote-secret\`: it needs a valid token.`,
    isRepairable: true,
    isFaultAnyway: true,
  },
  {
    name: 'the namespace is not labelled for injection',
    seen: failing('injection'),
    remedy: mrkdwn`Label it istio-injection=enabled, then restart the Deployments whose pods have no sidecar.`,
    isRepairable: true,
    restarts: true,
    isFaultAnyway: true,
    isApart: (evidence) => failing('sidecars')(evidence).length === 0,
  },
  {
    name: 'pods have no sidecar',
    seen: (evidence) => (failing('injection')(evidence).length > 0 ? [] : failing('sidecars')(evidence)),
    remedy: mrkdwn`Restart their Deployments, now that injection is on.`,
    isRepairable: true,
    restarts: true,
  },
  {
    name: 'a sidecar has no valid certificate',
    seen: failing('identity'),
    remedy: mrkdwn`Restart the pod; if that does not help, check the logs of istiod.`,
    isRepairable: true,
    restarts: true,
  },
  {
    name: 'sleep is missing',
    seen: failing('sleep'),
    remedy: mrkdwn`Deploy sleep (Istio's samples/sleep), and check its pods.`,
    isRepairable: true,
  },
  {
    name: 'a version of helloworld is not running',
    seen: failing('helloworld'),
    remedy: mrkdwn`Check its Deployment and pods; it may be scaled to 0.`,
    isRepairable: true,
  },
  {
    name: 'the Service is missing in one cluster',
    seen: failing('service'),
    remedy: mrkdwn`Create the Service helloworld there too: a cluster's clients find only Services that exist in it.`,
    isRepairable: true,
  },
  {
    name: 'the Service does not point to the pods of helloworld',
    seen: failing('serviceTarget'),
    remedy: mrkdwn`Restore its selector (app=helloworld) and its port (5000, named http).`,
    isRepairable: true,
  },
  {
    name: 'an AuthorizationPolicy denies the requests',
    seen: (evidence) =>
      hasError(evidence, /HTTP 403|RBAC: access denied/) ? describe(evidence, effectOf('AuthorizationPolicy')) : [],
    remedy: mrkdwn`Change or delete the policy.`,
  },
  {
    name: 'PeerAuthentication refuses pods without a sidecar',
    seen: (evidence) =>
      failing('sidecars')(evidence).length > 0 && hasError(evidence, /./)
        ? describe(evidence, effectOf('PeerAuthentication'))
        : [],
    remedy: mrkdwn`Give the pods sidecars, or set the mode to PERMISSIVE.`,
  },
  {
    name: 'a rule makes requests fail or wait',
    seen: (evidence) =>
      describe(
        evidence,
        ({ disturbs, limits }) => disturbs ?? (hasError(evidence, /HTTP 50[34]/) ? limits : undefined),
      ),
    remedy: mrkdwn`Change or delete the rule.`,
  },
  {
    name: 'a rule routes the requests elsewhere',
    seen: (evidence) => {
      const shows =
        evidence.directions.some(isOneSided) ||
        evidence.verdict.directions.some(isUnlike) ||
        hasError(evidence, /no healthy upstream|HTTP 503|HTTP 404/);
      return describe(evidence, (rule, cluster, rules) => {
        if (rule.kind !== 'VirtualService' && rule.kind !== 'DestinationRule') return undefined;
        if (isJudgedBy(evidence, cluster, rule)) return undefined;
        const isSuspect = shows && rule.disturbs === undefined && !harmless.test(rule.effect);
        return isSuspect || keepsVersionOut(rule, rules) ? rule.effect : undefined;
      });
    },
    remedy: mrkdwn`Delete the rule, or verify with the weights that it sets (\`--expect v1=90,v2=10\`).`,
  },
  {
    name: 'a NetworkPolicy in the host cluster blocks traffic between the two virtual clusters',
    seen: failing('networkPolicies'),
    remedy: mrkdwn`Allow traffic between the pods of the two namespaces, on all ports.`,
    // With its own policies as they should be, nothing cuts the pair.
    isRepairable: true,
    isFaultAnyway: true,
  },
  {
    name: 'istiod has not synced with the other cluster',
    isLast: true,
    seen: (evidence) => {
      const states = failing('remoteState')(evidence);
      return states.length > 0 ? [...failing('endpoints')(evidence), ...states] : [];
    },
    remedy: restartIstiod,
    isRepairable: true,
    restarts: true,
    isFaultAnyway: true,
  },
  {
    name: 'a sidecar does not know the pods of the other cluster',
    isLast: true,
    seen: failing('endpoints'),
    remedy: restartIstiod,
    isRepairable: true,
    restarts: true,
  },
  {
    name: 'the network between the clusters is interrupted',
    isLast: true,
    seen: (evidence) => [
      ...evidence.directions.flatMap(({ from, traffic }): string[] => {
        // Where a new connection gets through, something else makes the requests fail.
        const isOpen = evidence.findings.some(
          ({ check, cluster, state }) => check === 'newConnection' && cluster === from && state === 'pass',
        );
        if (isOpen) return [];
        const errors = traffic ? Object.keys({ ...traffic.parallel.errors, ...traffic.sequential.errors }) : [];
        const cut = errors.find((error) =>
          /timed? ?out|connection failure|connect error|reset before headers/i.test(error),
        );
        return cut === undefined || /TLS_error|CERTIFICATE/.test(cut) ? [] : [`from ${from}: ${cut}`];
      }),
      ...failing('newConnection')(evidence),
    ],
    remedy: mrkdwn`Check the NetworkPolicies of the two namespaces in the host cluster: the pods of each must reach those of the other.`,
  },
  {
    name: 'mTLS between the clusters fails',
    isLast: true,
    seen: failing('mtls'),
    remedy: mrkdwn`Check DestinationRules with a tls mode, and Secret cacerts of both clusters; then restart the pod named above.`,
  },
  {
    name: 'a proxy is not in sync with istiod',
    isLast: true,
    seen: failing('proxies'),
    remedy: mrkdwn`Restart the pod named above; if that does not help, check the logs of istiod.`,
    isRepairable: true,
    restarts: true,
  },
  {
    name: 'a sidecar has the wrong version',
    isLast: true,
    seen: failing('versions'),
    remedy: mrkdwn`Restart the Deployments, so that their pods get current sidecars.`,
    isRepairable: true,
    restarts: true,
  },
  {
    name: 'Istio does not support this version of Kubernetes',
    isLast: true,
    seen: failing('kubernetes'),
    remedy: mrkdwn`Install versions that go together: https://istio.io/latest/docs/releases/supported-releases/`,
  },
];

export const causeNames: readonly string[] = rows.map(({ name }) => name);

/** Every cause that holds, most important first. Where the verdict is a pass, only what is a fault anyway. */
export function findCauses(evidence: Evidence): Cause[] {
  const looked = rows.filter(({ isFaultAnyway }) => isFaultAnyway || evidence.verdict.kind !== 'pass');
  const causes: Cause[] = [];
  let isExplained = false;
  for (const row of looked) {
    const { name, seen, remedy, isLast, isRepairable: isOurs = false, restarts = false, starts = false } = row;
    if (isLast && isExplained) continue;
    const found = seen(evidence);
    const isApart = row.isApart === true || row.isApart?.(evidence) === true;
    isExplained ||= found.length > 0 && !isApart;
    const isRepairable = evidence.demo !== undefined && (isOurs === true || (isOurs !== false && isOurs(evidence)));
    if (found.length > 0)
      causes.push({
        name,
        evidence: found,
        remedy: inDemo(remedy, { isRepairable, restarts }),
        ...{ isRepairable, restarts, starts },
        ...(isApart && { isApart }),
      });
  }
  return causes;
}

/** What vcdemo does about it comes first. */
function inDemo(byHand: Mrkdwn, { isRepairable, restarts }: Pick<Cause, 'isRepairable' | 'restarts'>): Mrkdwn {
  if (!isRepairable) return byHand;
  return mrkdwn`*Repair* restores it${restarts && ', and restarts istiod, the ingress gateway and the samples'}. By hand: ${byHand}`;
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

/** What speaks for no cause: it leaves every version its requests. */
const harmless = /^(defines subsets$|balances by |routes to helloworld[\w.-]*( \(\d+\))?$)/;

/** Whether a direction is judged by the weights of a rule, so that what it does is no surprise. */
const isJudgedBy = ({ directions }: Evidence, cluster: string, { kind, namespace, name }: MeshRule): boolean =>
  directions.find(({ from }) => from === cluster)?.expectation?.by === `${kind} ${namespace}/${name}`;

/** What the rules that apply to helloworld do, as far as that is said of each. */
function describe(
  { pair }: Pick<Evidence, 'pair'>,
  says: (rule: MeshRule, cluster: string, ofCluster: readonly MeshRule[]) => string | undefined,
): string[] {
  return pair.flatMap(({ name: cluster, rules: { value: rules = [] } }) =>
    rules.flatMap((rule) => {
      const said = says(rule, cluster, rules);
      return said === undefined ? [] : [`${cluster}: ${rule.kind} ${rule.namespace}/${rule.name} ${said}`];
    }),
  );
}

const effectOf =
  (wanted: MeshRule['kind']) =>
  ({ kind, effect }: MeshRule): string | undefined =>
    kind === wanted ? effect : undefined;

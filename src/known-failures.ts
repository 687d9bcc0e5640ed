/** Reasons that clusters and tools give, and what people can do about them; the first that matches counts. */
const knownFailures: readonly [pattern: RegExp, advice: string][] = [
  [
    /cannot be scheduled/,
    'The host cluster is full: delete a demo that is not needed (`/vcdemo list`), add a node or lower the requests in the configuration.',
  ],
  [
    /exceeded quota/,
    "The namespace's resource quota is used up: have it raised, or lower the requests in the configuration.",
  ],
  [
    /ImagePullBackOff|ErrImagePull|InvalidImageName/,
    'The image cannot be pulled: check its name in the configuration, the registry and its pull secret.',
  ],
  [
    /CrashLoopBackOff/,
    "The container ends again and again: its log tells why (`kubectl logs --previous` in the demo's namespace).",
  ],
  [
    /PodSecurity/,
    'Pod Security refuses the pod: set namespace.labels to `pod-security.kubernetes.io/enforce: privileged`.',
  ],
  [
    /only v[12] of helloworld answers/,
    "The mesh does not span both clusters: istiod of vc1 does not reach vc2's API. Look at NetworkPolicies between the demo's two namespaces; `istioctl remote-clusters` in vc1 must say synced.",
  ],
  [
    /not currently held|attempting to grant RBAC permissions/i,
    "The worker may not grant what the vcluster chart grants: give its role the same rules (the Helm chart's rbac.extraDemoRules).",
  ],
  [
    /clusterroles\S* .*is forbidden/,
    "vcluster.values make the chart create a ClusterRole, which the worker may not: leave that out, or give the worker these rights (the Helm chart's rbac.extraClusterRules).",
  ],
  [
    /no such host|connection refused|i\/o timeout/i,
    'The worker cannot reach the chart repository or the cluster: check its network and proxy settings.',
  ],
  [
    /unknown field|could not unmarshal/i,
    'Check istio.operator in the configuration: this istioctl does not know one of its fields.',
  ],
  [
    /no chart (name|version) found|chart .* not found|not a valid chart/i,
    'Check vcluster.chart, vcluster.repository and vcluster.version in the configuration.',
  ],
];

/** Reasons come first or last in what clusters and tools say, and long texts would keep the patterns busy. */
const lookedAt = 2000;

/** What to do about a failure that is known. */
export function adviceFor(reason: string): string | undefined {
  const text = reason.length > 2 * lookedAt ? `${reason.slice(0, lookedAt)}\n${reason.slice(-lookedAt)}` : reason;
  return knownFailures.find(([pattern]) => pattern.test(text))?.[1];
}

/** What the values of a vcluster chart are made of. */
export interface VirtualClusterValues {
  /** The chart's version, such as `0.34.0` or `v0.15.7`. */
  version: string;
  /** Names that the API's certificate must cover, besides those that vcluster knows itself. */
  extraSans: string[];
  /** Secrets with registry credentials, in the release's namespace. */
  pullSecrets: string[];
  /** Whether the host's DNS, and no other, is asked for names that the virtual cluster does not know. */
  hostDns: boolean;
  /** The configuration's `vcluster.values`; they win. */
  extra: Record<string, unknown>;
}

/** Some of our values, and the charts that know them: the minor versions of 0.x from `since` up to but not `until`. */
interface ValuesOfCharts {
  since?: number;
  until?: number;
  values: (wanted: Omit<VirtualClusterValues, 'version' | 'extra'>) => Record<string, unknown>;
}

/**
 * Which chart takes what. Charts since 0.20 refuse by schema what they do not know; those before ignore it.
 * `npm run charts` renders all of it with real charts.
 * @see https://www.vcluster.com/docs/vcluster/configure/vcluster-yaml
 */
const history: readonly ValuesOfCharts[] = [
  { until: 20, values: ({ extraSans }) => ({ syncer: { extraArgs: extraSans.map((san) => `--tls-san=${san}`) } }) },
  { since: 20, values: ({ extraSans }) => ({ controlPlane: { proxy: { extraSANs: extraSans } } }) },

  // Both generations give these to the account of the tenants' pods too, and so to Istio, the samples and CoreDNS.
  {
    until: 20,
    values: ({ pullSecrets }) =>
      pullSecrets.length > 0 ? { serviceAccount: { imagePullSecrets: named(pullSecrets) } } : {},
  },
  {
    since: 20,
    values: ({ pullSecrets }) =>
      pullSecrets.length > 0
        ? { controlPlane: { advanced: { serviceAccount: { imagePullSecrets: named(pullSecrets) } } } }
        : {},
  },

  // The chart looks every 6 s whether the control plane has started; until it sees it, its Service has no endpoint.
  {
    since: 26,
    values: () => ({
      controlPlane: { statefulSet: { probes: { startupProbe: { periodSeconds: 1, failureThreshold: 600 } } } },
    }),
  },

  // Else tokens of pods, good for years, are in annotations of the host's pods, for everybody to read who may look at pods.
  { since: 16, until: 20, values: () => ({ syncer: { extraArgs: ['--service-account-token-secrets=true'] } }) },
  { since: 20, values: () => ({ sync: { toHost: { pods: { useSecretsForSATokens: true } } } }) },

  { until: 20, values: ({ hostDns }) => (hostDns ? { fallbackHostDns: true } : {}) },
  { since: 20, values: ({ hostDns }) => (hostDns ? { networking: { advanced: { fallbackHostCluster: true } } } : {}) },

  { until: 20, values: () => ({ isolation: { networkPolicy: { enabled: false } } }) },
  { since: 20, values: () => ({ policies: { networkPolicy: { enabled: false } } }) },

  // It would hold rights on volumes and their snapshots in all of the host cluster, for `vcluster snapshot` alone.
  { since: 20, values: () => ({ rbac: { clusterRole: { enabled: false } } }) },

  { until: 20, values: () => ({ telemetry: { disabled: 'true' } }) },
  { since: 20, values: () => ({ telemetry: { enabled: false } }) },
];

const named = (names: readonly string[]) => names.map((name) => ({ name }));

/** The Helm values of one virtual cluster, as the chart of that version takes them. */
export function helmValues({ version, extra, ...wanted }: VirtualClusterValues): Record<string, unknown> {
  const minor = chartMinor(version);
  const own = history
    .filter(({ since = 0, until }) => since <= minor && (until === undefined || minor < until))
    .map(({ values }) => values(wanted))
    .reduce(mergeDeep, {});
  return mergeDeep(own, extra);
}

/** The `N` of 0.N; what comes after 0.x takes what the last of them takes. */
function chartMinor(version: string): number {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major === 0 ? minor : Infinity;
}

/** The second object merged over the first; lists are joined where both have one, anything else is replaced. */
export function mergeDeep(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    if (isObject(below) && isObject(value)) merged[key] = mergeDeep(below, value);
    else if (Array.isArray(below) && Array.isArray(value))
      merged[key] = [...(below as unknown[]), ...(value as unknown[])];
    else merged[key] = value;
  }
  return merged;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

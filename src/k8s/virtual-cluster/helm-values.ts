import * as z from 'zod';
import { isRecord } from '../../records.js';

/** The input for the values of a vcluster chart. */
interface VirtualClusterValues {
  /** The chart's version, such as `0.34.0` or `v0.15.7`. */
  version: string;
  /** Names that the API's certificate must contain, besides those that vcluster adds itself. */
  extraSans: string[];
  /** Secrets with registry credentials, in the release's namespace. */
  pullSecrets: string[];
  /** Whether only the host's DNS is asked for names that the virtual cluster does not know. */
  hostDns: boolean;
  /** `vcluster.values` of the configuration, which override ours. */
  extra: Record<string, unknown>;
}

/** Some of our values, and the charts that know them: minor versions of 0.x from `since` up to, but not including, `until`. */
interface ValuesOfCharts {
  since?: number;
  until?: number;
  values: (wanted: Omit<VirtualClusterValues, 'version'>) => Record<string, unknown>;
}

/**
 * Which chart knows which values. Since 0.20, the charts' schemas refuse unknown values; older charts ignore them.
 * `npm run charts` renders all of this with real charts.
 * @see https://www.vcluster.com/docs/vcluster/configure/vcluster-yaml
 */
const history: readonly ValuesOfCharts[] = [
  { until: 20, values: ({ extraSans }) => ({ syncer: { extraArgs: extraSans.map((san) => `--tls-san=${san}`) } }) },
  { since: 20, values: ({ extraSans }) => ({ controlPlane: { proxy: { extraSANs: extraSans } } }) },

  // Both formats also give these to the account of the tenants' pods, and so to Istio, the samples and CoreDNS.
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

  // By default, the chart's startup probe runs only every 6 s; until it succeeds, the Service has no endpoint.
  {
    since: 26,
    values: () => ({
      controlPlane: { statefulSet: { probes: { startupProbe: { periodSeconds: 1, failureThreshold: 600 } } } },
    }),
  },

  // One that is alone would wait 15 s after each start for the lock of the one before, and renew it every 2 s.
  { since: 20, values: ({ extra }) => (isAlone(extra) ? controllerManager('--leader-elect=false') : {}) },
  // With its default of 20 requests a second, it takes 3 s until all of its controllers run; vcluster waits for the last.
  { since: 20, values: () => controllerManager('--kube-api-qps=200', '--kube-api-burst=400') },

  // Otherwise pod tokens that are valid for years are in annotations of the host's pods, where everybody who can read pods sees them.
  { since: 16, until: 20, values: () => ({ syncer: { extraArgs: ['--service-account-token-secrets=true'] } }) },
  { since: 20, values: () => ({ sync: { toHost: { pods: { useSecretsForSATokens: true } } } }) },

  { until: 20, values: ({ hostDns }) => (hostDns ? { fallbackHostDns: true } : {}) },
  { since: 20, values: ({ hostDns }) => (hostDns ? { networking: { advanced: { fallbackHostCluster: true } } } : {}) },

  { until: 20, values: () => ({ isolation: { networkPolicy: { enabled: false } } }) },
  { since: 20, values: () => ({ policies: { networkPolicy: { enabled: false } } }) },

  // It would have permissions on volumes and snapshots in the whole host cluster, only for `vcluster snapshot`.
  { since: 20, values: () => ({ rbac: { clusterRole: { enabled: false } } }) },

  { until: 20, values: () => ({ telemetry: { disabled: 'true' } }) },
  { since: 20, values: () => ({ telemetry: { enabled: false } }) },
];

const named = (names: readonly string[]) => names.map((name) => ({ name }));
const controllerManager = (...extraArgs: string[]) => ({
  controlPlane: { distro: { k8s: { controllerManager: { extraArgs } } } },
});

/** Whether there is only one pod of the control plane. */
const isAlone = (extra: unknown): boolean => {
  const { data } = highlyAvailable.safeParse(extra);
  return data === undefined || data.controlPlane.statefulSet.highAvailability.replicas <= 1;
};

const highlyAvailable = z.object({
  controlPlane: z.object({ statefulSet: z.object({ highAvailability: z.object({ replicas: z.coerce.number() }) }) }),
});

/** The Helm values of one virtual cluster, for the chart of that version. */
export function helmValues({ version, ...wanted }: VirtualClusterValues): Record<string, unknown> {
  const minor = chartMinor(version);
  const own = history
    .filter(({ since = 0, until }) => since <= minor && (until === undefined || minor < until))
    .map(({ values }) => values(wanted))
    .reduce(mergeDeep, {});
  return mergeDeep(own, wanted.extra);
}

/** The `N` of 0.N; later major versions are treated like the last 0.x. */
function chartMinor(version: string): number {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major === 0 ? minor : Infinity;
}

/** Merges the second object over the first; lists in both are concatenated, anything else is replaced. */
export function mergeDeep(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    if (isRecord(below) && isRecord(value)) merged[key] = mergeDeep(below, value);
    else if (Array.isArray(below) && Array.isArray(value)) merged[key] = below.concat(value);
    else merged[key] = value;
  }
  return merged;
}

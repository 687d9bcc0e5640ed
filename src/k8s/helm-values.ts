import type { DemoConfig } from '../config.js';

/** What the values of a vcluster chart are made of. */
export interface VirtualClusterValues {
  /** Names for which the API's certificate must be good, besides those that vcluster knows itself. */
  extraSans: string[];
  /** The configuration's `vcluster.values`; they win. */
  extra: Record<string, unknown>;
}

/** The charts up to 0.19 and from 0.20 on take different values. */
export type ChartGeneration = 'syncer' | 'control-plane';

export function chartGeneration(version: DemoConfig['vcluster']['version']): ChartGeneration {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major === 0 && minor < 20 ? 'syncer' : 'control-plane';
}

/**
 * The Helm values of one virtual cluster.
 * @see https://www.vcluster.com/docs/vcluster/configure/vcluster-yaml
 */
export function helmValues(
  generation: ChartGeneration,
  { extraSans, extra }: VirtualClusterValues,
): Record<string, unknown> {
  const own =
    generation === 'syncer'
      ? {
          syncer: { extraArgs: extraSans.map((san) => `--tls-san=${san}`) },
          isolation: { networkPolicy: { enabled: false } },
          telemetry: { disabled: 'true' },
        }
      : {
          controlPlane: {
            proxy: { extraSANs: extraSans },
            // The chart looks every 6 s whether the control plane has started; until it sees it, its Service has no endpoint.
            statefulSet: { probes: { startupProbe: { periodSeconds: 1, failureThreshold: 600 } } },
          },
          policies: { networkPolicy: { enabled: false } },
          // It would hold rights on volumes and their snapshots in all of the host cluster, for `vcluster snapshot` alone.
          rbac: { clusterRole: { enabled: false } },
          telemetry: { enabled: false },
        };
  return mergeDeep(own, extra);
}

/** The second object laid over the first; lists are joined where both have one, anything else is replaced. */
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

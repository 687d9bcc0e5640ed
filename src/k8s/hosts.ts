import type { DemoConfig } from '../config.js';
import type { VirtualClusterName } from './demo.js';

export type PublicEndpoint = 'api' | 'dashboard' | 'app';

/** The public name of an endpoint of a virtual cluster, from the configuration's template. */
export function hostOf(
  config: DemoConfig,
  endpoint: PublicEndpoint,
  demo: string,
  cluster: VirtualClusterName,
): string {
  const values: Record<string, string> = { demo, cluster, domain: config.domain };
  return config.hosts[endpoint].replace(/\{(\w+)\}/g, (match, key: string) => values[key] ?? match);
}

import type { DemoConfig } from '../../config.js';
import type { VirtualClusterName } from '../demo/demo.js';

/** The public name of an endpoint of a virtual cluster, from the configuration's template. */
export function hostnameOf(
  config: DemoConfig,
  endpoint: keyof DemoConfig['hosts'],
  demo: string,
  cluster: VirtualClusterName,
): string {
  const values: Record<string, string> = { demo, cluster, domain: config.domain };
  return config.hosts[endpoint].replace(/\{(\w+)\}/g, (match, key: string) => values[key] ?? match);
}

/** The name in a certificate that is valid for the API of every demo; undefined if no wildcard can be. */
export function wildcardName({ hosts, domain }: Pick<DemoConfig, 'hosts' | 'domain'>): string | undefined {
  // A wildcard stands for one label, so all that differs between demos must be in the first.
  const [, rest = ''] = /^[^.]*(\..+)$/.exec(hosts.api) ?? [];
  const name = `*${rest.replaceAll('{domain}', domain)}`;
  // Clients refuse a wildcard directly below a top-level domain.
  return /\{(demo|cluster)\}/.test(rest) || !/^\*\.[^.]+\.[^.]/.test(name) ? undefined : name;
}

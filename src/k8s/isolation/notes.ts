import type { DemoConfig } from '../../config.js';

/** How the configuration weakens the default isolation of demos, as ends of a sentence. */
export function weakenedBy({ isolation, vcClient }: Pick<DemoConfig, 'isolation' | 'vcClient'>): string[] {
  const { admission, allow, network, quota } = isolation;
  return [
    ...(admission === 'off' ? ['the admission policy is off (isolation.admission)'] : []),
    ...(admission !== 'off' && allow.length > 0
      ? [`the admission policy leaves out ${allow.join(', ')} (isolation.allow)`]
      : []),
    ...(network === 'document' ? ['the demo and every other namespace can reach each other (isolation.network)'] : []),
    ...(quota === 'off' ? ['a demo can use up the resources of the host cluster (isolation.quota)'] : []),
    ...(vcClient.role === 'admin'
      ? ["vc-client can read and write Secrets of the demo's namespaces (vcClient.role)"]
      : []),
  ];
}

/** A sentence for people about what is weaker than by default. */
export const weakerIsolation = (notes: readonly string[]): string =>
  `Isolation from the host cluster is weaker than the default: ${notes.join('; ')}`;

import type { MeshRule } from '../../../k8s/mesh/mesh-rules.js';
import { evenly, type Expectation } from './shares.js';
import { recordOf } from '../../../records.js';

const versions = ['v1', 'v2'] as const;

/**
 * The weights that a VirtualService states for helloworld, with the versions that a DestinationRule gives its subsets.
 * Undefined where no rule states any; a rule that keeps a version out states no expectation, but is what is wrong. The shares
 * of a DestinationRule are those of localities: it is named, and both versions have to answer.
 */
export function expectationIn(rules: readonly MeshRule[]): Expectation | undefined {
  const labelled = new Map(rules.flatMap(({ subsets = {} }) => Object.entries(subsets)));
  for (const { kind, namespace, name, weights: bySubset } of rules) {
    if (bySubset === undefined) continue;
    const parts = Object.entries(bySubset).map(([subset, weight]) => ({
      version: labelled.get(subset) ?? subset,
      weight,
    }));
    const weightOf = (version: string) =>
      parts.filter((part) => part.version === version).reduce((sum, { weight }) => sum + weight, 0);
    if (versions.every((version) => weightOf(version) > 0))
      return { weights: recordOf(versions, weightOf), isStated: true, by: `${kind} ${namespace}/${name}` };
  }
  const shared = rules.find(({ distribution }) => distribution !== undefined);
  if (!shared) return undefined;
  return { ...evenly, unjudged: `${shared.kind} ${shared.namespace}/${shared.name} ${shared.effect}` };
}

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
  for (const rule of rules) {
    const weights = weightsBy(rule, rules);
    if (weights && versions.every((version) => weights[version] > 0))
      return { weights, isStated: true, by: `${rule.kind} ${rule.namespace}/${rule.name}` };
  }
  const shared = rules.find(({ distribution }) => distribution !== undefined);
  if (!shared) return undefined;
  return { ...evenly, unjudged: `${shared.kind} ${shared.namespace}/${shared.name} ${shared.effect}` };
}

/** Whether a rule of a cluster sends nothing to one of the versions. */
export function keepsVersionOut(rule: MeshRule, rules: readonly MeshRule[]): boolean {
  const weights = weightsBy(rule, rules);
  return weights !== undefined && versions.some((version) => weights[version] === 0);
}

/** The weights that a rule states, by version; undefined if it states none. */
function weightsBy(
  { weights: bySubset }: MeshRule,
  rules: readonly MeshRule[],
): Record<(typeof versions)[number], number> | undefined {
  if (bySubset === undefined) return undefined;
  const labelled = new Map(rules.flatMap(({ subsets = {} }) => Object.entries(subsets)));
  const parts = Object.entries(bySubset).map(([subset, weight]) => ({
    version: labelled.get(subset) ?? subset,
    weight,
  }));
  return recordOf(versions, (version) =>
    parts.filter((part) => part.version === version).reduce((sum, { weight }) => sum + weight, 0),
  );
}

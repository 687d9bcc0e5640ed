import { stringify } from 'yaml';
import {
  apiServerRules,
  claimRules,
  clusterRules,
  demoRuleParts,
  type PermissionRule,
} from '../src/k8s/permissions/permissions.js';

/** The placeholder for the name of the chart's ClusterRole. */
const placeholder = 'DEMO_CLUSTER_ROLE';

/** helm/vcdemo/files/worker-rules.yaml: the worker's rules in the form of a ClusterRole. */
export function workerRulesYaml(): string {
  const { always, exposure, vcClient, helloworldIngress } = demoRuleParts;
  const rules = {
    clusterWide: clusterRules(placeholder).map(policyRule),
    claims: claimRules.map(policyRule),
    apiServer: apiServerRules.map(policyRule),
    demo: always.map(policyRule),
    exposure: eachOf(exposure),
    vcClient: eachOf(vcClient),
    helloworldIngress: helloworldIngress.map(policyRule),
  };
  return `# Written by \`npm run docs\` from src/k8s/permissions/permissions.ts.\n${stringify(rules, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

function eachOf(byKind: Record<string, readonly PermissionRule[]>) {
  return Object.fromEntries(Object.entries(byKind).map(([kind, rules]) => [kind, rules.map(policyRule)]));
}

/** The rule in the form that Kubernetes uses. */
export function policyRule({ group, resources, verbs, name }: PermissionRule) {
  return { apiGroups: [group], resources: [...resources], verbs: [...verbs], ...(name && { resourceNames: [name] }) };
}

import { stringify } from 'yaml';
import { workerRules, type PermissionRule } from '../src/k8s/permissions.js';

const kinds = ['traefik', 'nginx', 'gateway', 'none'] as const;

/** helm/vcdemo/files/worker-rules.yaml: the worker's rules in the words of a ClusterRole. */
export function workerRulesYaml(): string {
  const base = workerRules('none');
  const exposure = Object.fromEntries(
    kinds.map((kind) => [kind, workerRules(kind).slice(base.length).map(policyRule)]),
  );
  return `# Written by \`npm run docs\` from src/k8s/permissions.ts.\n${stringify({ rules: base.map(policyRule), exposure }, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

function policyRule({ group, resources, verbs, name }: PermissionRule) {
  return { apiGroups: [group], resources, verbs, ...(name && { resourceNames: [name] }) };
}

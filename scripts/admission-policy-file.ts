import { stringify } from 'yaml';
import { demoConfig } from '../src/config/schema.js';
import { policyName, ruleTemplates, specTemplate } from '../src/k8s/isolation/admission-policy.js';

/**
 * helm/vcdemo/files/admission-policy.yaml: the chart's input for the admission policy, with `__name__` in place of the
 * lists that depend on the configuration, and the configuration's defaults.
 */
export function admissionPolicyYaml(): string {
  const { domain, hosts, istio, isolation } = demoConfig.parse({});
  const defaults = {
    domain,
    hosts,
    istio: { hub: istio.hub, tag: istio.tag },
    isolation: { admission: isolation.admission, allow: isolation.allow, also: isolation.also },
  };
  const contents = { name: policyName, defaults, spec: specTemplate, rules: ruleTemplates };
  return `# Written by \`npm run docs\` from src/k8s/isolation/admission-rules.ts.\n${stringify(contents, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

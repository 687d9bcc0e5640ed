import { createHash } from 'node:crypto';
import { admissionRuleIds, type AdmissionRuleId } from '../../config/admission.js';
import type { DemoConfig } from '../../config.js';
import { labels } from '../demo/demo.js';
import { istioImage } from '../mesh/istio-images.js';
import type { Manifest } from '../client/manifest.js';
import { admissionRules, isTenantAccount, variables, type Subject } from './admission-rules.js';

/*
 * The ValidatingAdmissionPolicy for the namespaces of demos, generated from the rules and the configuration. The chart
 * generates the same from files/admission-policy.yaml, which is written from here (npm run docs): both fill in the lists
 * and compute the version, so that preflight can detect an outdated policy.
 */

export const policyName = 'vcdemo-demos';

/** The part of the configuration that the policy depends on. */
export type AdmissionConfig = Pick<DemoConfig, 'domain' | 'hosts' | 'istio' | 'isolation'>;

/** A rule in the form of the policy. */
export interface PolicyRule {
  id: AdmissionRuleId;
  expression: string;
  /** Ends with the policy's name and version. */
  message: string;
}

/** The values of `__name__` in the rules. */
function lists({ domain, hosts, istio, isolation }: AdmissionConfig): Map<string, string[]> {
  const { proxyImages, ...also } = isolation.also;
  return new Map([
    ...Object.entries(also),
    ['proxyImages', [istioImage(istio, 'proxyv2'), ...proxyImages]],
    ['hosts', [hosts.api, hosts.dashboard, hosts.app].map((template) => template.replaceAll('{domain}', domain))],
  ]);
}

const guards: Record<Subject, string> = {
  pod: 'variables.pod',
  podEnd: 'variables.podEnd',
  service: 'variables.service',
  endpoints: 'variables.endpoints',
  claim: 'variables.claim',
  secret: 'variables.secret',
  stored: 'variables.stored',
  route: 'variables.route',
  tenant: 'variables.tenant',
};

/** The rules, with `__name__` in place of lists and without the version. */
export const ruleTemplates: readonly PolicyRule[] = admissionRuleIds.map((id) => {
  const { on, onCreate, allows, says } = admissionRules[id];
  const applies = onCreate ? `!${guards[on]} || !variables.creates` : `!${guards[on]}`;
  return { id, expression: oneLine(`${applies} || (${allows})`), message: `${says} (rule ${id}` };
});

/** The policy's `spec` without `validations`, with `__name__` in place of lists. */
export const specTemplate = {
  failurePolicy: 'Fail',
  matchConstraints: {
    namespaceSelector: { matchLabels: { [labels.managedBy]: 'vcdemo' } },
    resourceRules: [
      {
        apiGroups: ['*'],
        apiVersions: ['*'],
        operations: ['CREATE', 'UPDATE', 'DELETE'],
        resources: ['*/*'],
        scope: 'Namespaced',
      },
    ],
  },
  matchConditions: [
    // The kubelet and the controllers write statuses all the time; those of tenants are checked.
    {
      name: 'no-status-but-of-tenants',
      expression: oneLine(`request.?subResource.orValue('') != 'status' ||
        ${isTenantAccount("request.userInfo.?username.orValue('')")}`),
    },
    // It must be possible to remove the finalizers of an object that is being deleted, whatever it contains.
    {
      name: 'not-just-being-deleted',
      expression: oneLine(`request.operation != 'UPDATE' || request.?subResource.orValue('') != '' ||
        !object.?metadata.?deletionTimestamp.hasValue() ||
        !has(object.spec) || object.spec != oldObject.spec ||
        object.metadata.?labels.orValue({}) != oldObject.metadata.?labels.orValue({}) ||
        object.metadata.?annotations.orValue({}) != oldObject.metadata.?annotations.orValue({})`),
    },
  ],
  variables: Object.entries(variables).map(([name, expression]) => ({ name, expression: oneLine(expression) })),
};

/** The rules for this configuration, with the version of the policy that they form. */
export function policyRules(config: AdmissionConfig): PolicyRule[] {
  const { admission, allow } = config.isolation;
  if (admission === 'off') return [];
  const values = lists(config);
  const rules = ruleTemplates
    .filter(({ id }) => !allow.includes(id))
    .map(({ id, expression, message }) => ({
      id,
      expression: withLists(expression, values),
      message: fill(message, values, (list) => list.join(', ')),
    }));
  const version = versionOf(config, rules);
  return rules.map((rule) => ({ ...rule, message: `${rule.message}, policy ${policyName} ${version})` }));
}

/** The policy and its binding; empty if `isolation.admission` is off. */
export function admissionPolicy(config: AdmissionConfig): Manifest[] {
  const rules = policyRules(config);
  if (rules.length === 0) return [];
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const metadata = { name: policyName, labels: { 'app.kubernetes.io/part-of': 'vcdemo' } };
  const validations = rules.map(({ expression, message }) => ({ expression, message, reason: 'Forbidden' }));
  return [
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: { ...specTemplate, variables: variablesFor(config), validations },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: { policyName, validationActions: ['Deny'] },
    },
  ];
}

function variablesFor(config: AdmissionConfig) {
  const values = lists(config);
  return specTemplate.variables.map(({ name, expression }) => ({ name, expression: withLists(expression, values) }));
}

/** Depends on every expression in the policy. */
function versionOf(config: AdmissionConfig, rules: readonly PolicyRule[]): string {
  const expressions = [
    ...specTemplate.matchConditions,
    ...variablesFor(config),
    ...rules.map(({ id, expression }) => ({ name: id, expression })),
  ];
  const text = expressions.map(({ name, expression }) => `${name}\n${expression}\n`).join('');
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** A JSON list of strings is also a CEL list. */
const withLists = (expression: string, values: Map<string, string[]>): string =>
  fill(expression, values, JSON.stringify);

const fill = (text: string, values: Map<string, string[]>, write: (list: string[]) => string): string =>
  text.replace(/__(\w+?)__/g, (_, name: string) => {
    const list = values.get(name);
    if (list === undefined) throw new Error(`the admission rules name an unknown list: ${name}`);
    return write(list);
  });

function oneLine(expression: string): string {
  return expression.replace(/\s+/g, ' ').trim();
}

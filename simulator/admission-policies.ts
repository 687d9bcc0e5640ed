import { Environment } from '@marcbachmann/cel-js';
import type { Kind } from './kinds.js';
import { isMap, type KubeObject } from './objects.js';
import { labelSelector } from './selectors.js';
import { forbidden } from './status.js';
import { resourceOf } from './kinds.js';
import type { Store } from './store.js';

/** What is about to be written or deleted. */
interface Write {
  kind: Kind;
  /** Undefined if it is deleted. */
  object: KubeObject | undefined;
  before: KubeObject | undefined;
  /** Of the request. */
  options?: object;
  subresource: string | undefined;
  user: { name: string; groups: string[] };
}

const group = 'admissionregistration.k8s.io';

/**
 * Evaluates the cluster's ValidatingAdmissionPolicies, in CEL, for everything that is created, updated and deleted in
 * namespaces. Parameters, audit annotations and cost limits are not simulated.
 * @throws StatusError Forbidden, in the words of the API server
 */
export function enforcePolicies(store: Store, write: Write): void {
  if (!write.kind.namespaced) return;
  for (const binding of store.list(`validatingadmissionpolicybindings.${group}`)) {
    const policy = store.find(`validatingadmissionpolicies.${group}`, undefined, binding.spec.policyName);
    if (policy && binding.spec.validationActions.includes('Deny')) enforce(store, policy, binding, write);
  }
}

function enforce(store: Store, policy: KubeObject, binding: KubeObject, write: Write): void {
  const { kind, object, before, user, subresource, options } = write;
  const { namespace, name } = (object ?? before)!.metadata;
  const namespaceObject = store.get('namespaces', undefined, namespace!);
  const { matchConstraints, matchConditions = [], variables = [], validations } = policy.spec;
  const operation = !object ? 'DELETE' : before ? 'UPDATE' : 'CREATE';
  if (!selects(matchConstraints.namespaceSelector, namespaceObject)) return;
  if (!matchConstraints.resourceRules.some((rule: ResourceRule) => covers(rule, write, operation))) return;

  const names = {
    object: celValue(object ?? null),
    oldObject: celValue(before ?? null),
    namespaceObject: celValue(namespaceObject),
    request: celValue({
      operation,
      namespace,
      name,
      resource: { group: kind.group, version: kind.version, resource: kind.plural },
      ...(subresource && { subResource: subresource }),
      userInfo: { username: user.name, groups: user.groups },
      ...(options && { options }),
    }),
  };
  const deny = (why: string) =>
    forbidden(
      resourceOf(kind),
      name,
      `ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}' denied request: ${why}`,
    );
  const evaluate = (expression: string, more: object = {}): unknown => {
    try {
      return parsed(expression)({ ...names, ...more });
    } catch (error) {
      throw deny(`expression '${expression}' resulted in error: ${(error as Error).message}`);
    }
  };
  if (!matchConditions.every(({ expression }: { expression: string }) => evaluate(expression) === true)) return;
  const computed: Record<string, unknown> = {};
  for (const { name: variable, expression } of variables as { name: string; expression: string }[])
    Object.defineProperty(computed, variable, {
      enumerable: true,
      configurable: true,
      get() {
        const value = evaluate(expression, { variables: computed });
        Object.defineProperty(computed, variable, { enumerable: true, value });
        return value;
      },
    });
  for (const { expression, message } of validations as { expression: string; message?: string }[])
    if (evaluate(expression, { variables: computed }) !== true)
      throw deny(message ?? `failed expression: ${expression}`);
}

interface ResourceRule {
  apiGroups: string[];
  operations: string[];
  resources: string[];
}

function covers(rule: ResourceRule, { kind, subresource }: Write, operation: string): boolean {
  const resource = subresource ? `${kind.plural}/${subresource}` : kind.plural;
  const among = (list: string[], ...words: string[]) => words.some((word) => list.includes(word));
  return (
    among(rule.apiGroups, '*', kind.group) &&
    among(rule.operations, '*', operation) &&
    among(rule.resources, '*/*', resource, ...(subresource ? [] : ['*']))
  );
}

function selects(selector: { matchLabels?: Record<string, string> } | undefined, namespace: KubeObject): boolean {
  const terms = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  return labelSelector(terms.join(','))(namespace);
}

const environment = new Environment({
  unlistedVariablesAreDyn: true,
  enableOptionalTypes: true,
  homogeneousAggregateLiterals: false,
}).registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
  text.replaceAll(from, to),
);
const programs = new Map<string, (names: object) => unknown>();

function parsed(expression: string): (names: object) => unknown {
  const known = programs.get(expression) ?? (environment.parse(expression) as (names: object) => unknown);
  programs.set(expression, known);
  return known;
}

/** Whole numbers are CEL's int. */
function celValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(celValue);
  if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, celValue(inner)]));
  return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value;
}

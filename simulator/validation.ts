import { isDeepStrictEqual } from 'node:util';
import { groupVersionOf, type Kind } from './kinds.js';
import { hasLabels, type KubeObject } from './objects.js';
import { badRequest, invalid } from './status.js';

/*
 * What an API server refuses in the objects that the product writes, in its own words. There are no schemas: fields without
 * a rule are accepted as they are.
 */

/** The problems of an object, each as `field: what is wrong`; `before` is the object that it replaces. */
type Problems = (object: KubeObject, before: KubeObject | undefined) => Iterable<string>;

/** @throws StatusError Invalid with all problems; BadRequest if a text is not a string */
export function validate(kind: Kind, object: KubeObject, before: KubeObject | undefined): void {
  checkTexts(kind, object);
  const problems = [...metadataProblems(object, before), ...(problemsOf[kind.kind]?.(object, before) ?? [])];
  const name = kind.group ? `${kind.kind}.${kind.group}` : kind.kind;
  if (problems.length > 0) throw invalid(name, object.metadata.name ?? '', ...problems);
}

function checkTexts(kind: Kind, { metadata, data = {} }: KubeObject): void {
  const unreadable = (why: string) =>
    badRequest(`${kind.kind} in version "${groupVersionOf(kind)}" cannot be handled as a ${kind.kind}: ${why}`);
  const isOfTexts = kind.kind === 'Secret' || kind.kind === 'ConfigMap';
  for (const map of [metadata.labels ?? {}, metadata.annotations ?? {}, isOfTexts ? (data as object) : {}])
    for (const value of Object.values(map))
      if (typeof value !== 'string') throw unreadable(`json: cannot unmarshal ${typeof value} into a text`);
  if (
    kind.kind === 'Secret' &&
    Object.values(data as object).some((text) => !/^[\w+/\s]*={0,2}\s*$/.test(String(text)))
  )
    throw unreadable('illegal base64 data');
}

// ------------------------------------------------------------------ names, labels, annotations

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${label}(\\.${label})*`;
const qualified = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';

const nameRules = {
  label: `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${label}')`,
  subdomain: `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${subdomain}')`,
  service: `a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')`,
};
const keyRule = `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${qualified}')`;
const valueRule = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(${qualified})?')`;
const dataRule = `a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`;

const matches = (pattern: string, text: string, length = 253) =>
  text.length <= length && new RegExp(`^(${pattern})$`).test(text);

function* metadataProblems({ apiVersion, kind, metadata }: KubeObject, before?: KubeObject): Iterable<string> {
  const { name, labels = {}, annotations = {}, finalizers = [], ownerReferences = [] } = metadata;
  if (!name) yield 'metadata.name: Required value: name or generateName is required';
  else if (!apiVersion.startsWith('rbac.')) {
    const rule = kind === 'Service' ? 'service' : kind === 'Namespace' ? 'label' : 'subdomain';
    const isGood =
      rule === 'subdomain'
        ? matches(subdomain, name)
        : matches(label, name, 63) && (rule === 'label' || /^\D/.test(name));
    if (!isGood) yield `metadata.name: Invalid value: "${name}": ${nameRules[rule]}`;
  }
  for (const [field, map] of Object.entries({ labels, annotations }))
    for (const key of Object.keys(map))
      if (!matches(`(${subdomain}/)?${qualified}`, key)) yield `metadata.${field}: Invalid value: "${key}": ${keyRule}`;
  for (const value of Object.values(labels))
    if (value && !matches(qualified, value, 63)) yield `metadata.labels: Invalid value: "${value}": ${valueRule}`;
  for (const [index, finalizer] of finalizers.entries())
    if (!finalizer.includes('/'))
      yield `metadata.finalizers[${index}]: Invalid value: "${finalizer}": name is neither a standard finalizer name nor is it fully qualified`;
  if (ownerReferences.some(({ uid }) => !uid))
    yield 'metadata.ownerReferences.uid: Invalid value: "": uid must not be empty';
  if (before && metadata.uid && metadata.uid !== before.metadata.uid)
    yield `metadata.uid: Invalid value: "${metadata.uid}": field is immutable`;
}

// ------------------------------------------------------------------ by kind

const problemsOf: Record<string, Problems> = {
  *Secret({ type, data, metadata }, before) {
    yield* dataKeys(data);
    if (before && type !== before.type) yield `type: Invalid value: "${type}": field is immutable`;
    const account = 'kubernetes.io/service-account.name';
    if (type === 'kubernetes.io/service-account-token' && !metadata.annotations?.[account])
      yield `metadata.annotations[${account}]: Required value`;
  },

  *ConfigMap({ data }) {
    yield* dataKeys(data);
  },

  *Service({ spec }, before) {
    const ports: { name?: string }[] = spec.ports ?? [];
    if (ports.length === 0 && spec.clusterIP !== 'None') yield 'spec.ports: Required value';
    for (const [index, { name }] of ports.entries())
      if (ports.length > 1 && !name) yield `spec.ports[${index}].name: Required value`;
    if (before && spec.clusterIP !== before.spec.clusterIP)
      yield `spec.clusterIPs[0]: Invalid value: []string{"${spec.clusterIP}"}: may not change once set`;
  },

  *Pod({ spec }, before) {
    yield* podProblems('spec', spec);
    const fixed = ({ containers, initContainers: _, ...rest }: KubeObject['spec']) => [containers.length, rest];
    if (before && !isDeepStrictEqual(fixed(spec), fixed(before.spec)))
      yield 'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`';
  },
  Deployment: workloadProblems,
  ReplicaSet: workloadProblems,
  StatefulSet: workloadProblems,

  *CustomResourceDefinition({ metadata, spec }) {
    if (metadata.name !== `${spec.names.plural}.${spec.group}`)
      yield `metadata.name: Invalid value: "${metadata.name}": must be spec.names.plural+"."+spec.group`;
  },

  Role: ruleProblems,
  ClusterRole: ruleProblems,
  RoleBinding: bindingProblems,
  ClusterRoleBinding: bindingProblems,

  *CertificateSigningRequest({ spec, status }, before) {
    if (!spec.signerName) yield 'spec.signerName: Required value';
    if (!spec.usages?.length) yield 'spec.usages: Required value';
    if (spec.expirationSeconds < 600)
      yield `spec.expirationSeconds: Invalid value: ${spec.expirationSeconds}: may not specify a duration less than 600 seconds (10 minutes)`;
    const conditions: { type: string; status?: string }[] = status?.conditions ?? [];
    for (const [index, condition] of conditions.entries()) {
      if (!condition.status) yield `status.conditions[${index}].status: Required value`;
      else if (condition.status !== 'True')
        yield `status.conditions[${index}].status: Unsupported value: "${condition.status}": supported values: "True"`;
    }
    for (const { type } of before?.status?.conditions ?? [])
      if (!conditions.some((condition) => condition.type === type))
        yield `status.conditions: Forbidden: updates may not remove a condition of type "${type}"`;
  },

  *Lease({ metadata, spec }, before) {
    if (before && !metadata.resourceVersion)
      yield 'metadata.resourceVersion: Invalid value: 0x0: must be specified for an update';
    if (spec?.leaseDurationSeconds <= 0)
      yield `spec.leaseDurationSeconds: Invalid value: ${spec.leaseDurationSeconds}: must be greater than 0`;
    for (const time of [spec?.acquireTime, spec?.renewTime])
      if (time && !/\.\d{6}(Z|[+-]\d\d:\d\d)$/.test(time))
        throw badRequest(
          `Lease in version "v1" cannot be handled as a Lease: parsing time "${time}": not of microseconds`,
        );
  },
};

function* dataKeys(data: object = {}): Iterable<string> {
  for (const key of Object.keys(data))
    if (!matches('[-._a-zA-Z0-9]+', key)) yield `data[${key}]: Invalid value: "${key}": ${dataRule}`;
}

function* podProblems(path: string, { containers = [], initContainers = [], volumes = [] }: KubeObject['spec'] = {}) {
  if (containers.length === 0) yield `${path}.containers: Required value`;
  for (const [field, list] of Object.entries<KubeObject['spec'][]>({ containers, initContainers }))
    for (const [index, { image, volumeMounts = [] }] of list.entries()) {
      if (!image) yield `${path}.${field}[${index}].image: Required value`;
      for (const [at, mount] of volumeMounts.entries())
        if (!volumes.some(({ name }: { name: string }) => name === mount.name))
          yield `${path}.${field}[${index}].volumeMounts[${at}].name: Not found: "${mount.name}"`;
    }
}

function* workloadProblems({ kind, spec }: KubeObject, before: KubeObject | undefined): Iterable<string> {
  const { selector, template = {}, volumeClaimTemplates = [] } = spec;
  if (!selector) yield 'spec.selector: Required value';
  const labels: Record<string, string> = template.metadata?.labels ?? {};
  if (!hasLabels({ metadata: { name: '', labels } } as KubeObject, selector?.matchLabels) || !selector)
    yield `spec.template.metadata.labels: Invalid value: ${JSON.stringify(labels)}: \`selector\` does not match template \`labels\``;
  const claimed = volumeClaimTemplates.map(({ metadata }: KubeObject) => ({ name: metadata.name }));
  yield* podProblems('spec.template.spec', {
    ...template.spec,
    volumes: [...(template.spec?.volumes ?? []), ...claimed],
  });
  if (!before) return;
  if (kind === 'StatefulSet') {
    const fixed = ({ replicas: _, template: __, ...rest }: KubeObject['spec']) => rest;
    if (!isDeepStrictEqual(fixed(spec), fixed(before.spec)))
      yield "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
  } else if (!isDeepStrictEqual(selector, before.spec.selector))
    yield `spec.selector: Invalid value: ${JSON.stringify(selector)}: field is immutable`;
}

function* ruleProblems({ rules = [] }: KubeObject): Iterable<string> {
  for (const [index, { verbs, apiGroups, resources, nonResourceURLs }] of rules.entries()) {
    if (!verbs?.length) yield `rules[${index}].verbs: Required value: verbs must contain at least one value`;
    if (nonResourceURLs) continue;
    if (!apiGroups?.length)
      yield `rules[${index}].apiGroups: Required value: resource rules must supply at least one api group`;
    if (!resources?.length)
      yield `rules[${index}].resources: Required value: resource rules must supply at least one resource`;
  }
}

function* bindingProblems({ kind, roleRef, subjects = [] }: KubeObject, before?: KubeObject): Iterable<string> {
  if (!/^(Cluster)?Role$/.test(roleRef?.kind ?? ''))
    yield `roleRef.kind: Unsupported value: "${roleRef?.kind ?? ''}": supported values: "Role", "ClusterRole"`;
  if (!roleRef?.name) yield 'roleRef.name: Required value';
  for (const [index, subject] of subjects.entries())
    if (kind === 'ClusterRoleBinding' && subject.kind === 'ServiceAccount' && !subject.namespace)
      yield `subjects[${index}].namespace: Required value`;
  if (before && !isDeepStrictEqual(roleRef, before.roleRef))
    yield `roleRef: Invalid value: ${JSON.stringify(roleRef)}: cannot change roleRef`;
}

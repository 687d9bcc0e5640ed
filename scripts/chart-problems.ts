import type { KubernetesObject, V1PolicyRule } from '@kubernetes/client-node';
import { notGranted } from '../src/k8s/permissions/permission-check.js';
import { demoRules, type RightsConfig } from '../src/k8s/permissions/permissions.js';
import { policyRule } from './worker-rules.js';

/** An object of a rendered chart. */
export type ChartObject = KubernetesObject & { rules?: V1PolicyRule[]; imagePullSecrets?: { name: string }[] };

interface ChartExpectations {
  config: RightsConfig;
  /** Names that the API's certificate must contain. */
  names: readonly string[];
  pullSecrets: readonly string[];
}

/** Why vcdemo cannot use a chart rendered as release `vc1`, as sentences; empty if it can. */
export function chartProblems(
  objects: readonly ChartObject[],
  { config, names, pullSecrets }: ChartExpectations,
): string[] {
  const find = (kind: string, name = 'vc1') =>
    objects.find((object) => object.kind === kind && object.metadata?.name === name);
  const clusterWide = objects.filter(({ kind }) => /^Cluster(Role|RoleBinding)$/.test(kind ?? ''));
  // Kubernetes lets the worker grant only permissions that it has.
  const granted = objects.filter(({ kind }) => kind === 'Role').flatMap(({ rules }) => rules ?? []);
  const beyond = notGranted(demoRules(config).map(policyRule), granted.flatMap(permissionRules));
  const text = objects.map(searchable).join('\n');
  const unnamed = names.filter((name) => !text.includes(name));
  const accounts = objects.filter(({ kind }) => kind === 'ServiceAccount');
  const withoutSecrets = accounts.filter(({ imagePullSecrets = [] }) =>
    pullSecrets.some((name) => !imagePullSecrets.some((secret) => secret.name === name)),
  );
  return [
    ...(find('StatefulSet') || find('Deployment') ? [] : ['it has no StatefulSet or Deployment vc1']),
    ...(find('Service') ? [] : ['it has no Service vc1']),
    ...clusterWide.map(({ kind, metadata }) => `it requires cluster-wide permissions: ${kind} ${metadata?.name}`),
    ...beyond.map(
      ({ group, resource, verb }) =>
        `its Role grants ${verb} on ${resource}${group && `.${group}`}, which the worker does not have`,
    ),
    ...unnamed.map((name) => `its certificate does not cover ${name}`),
    ...withoutSecrets.map(({ metadata }) => `ServiceAccount ${metadata?.name} does not name the pull secrets`),
  ];
}

const permissionRules = ({ apiGroups = [], resources = [], verbs }: V1PolicyRule) =>
  apiGroups.map((group) => ({ group, resources, verbs }));

/** The object as text, with Secrets decoded: charts since 0.20 put vcluster's own configuration into one. */
function searchable(object: KubernetesObject & { data?: Record<string, string> }): string {
  const decoded = object.kind === 'Secret' ? Object.values(object.data ?? {}) : [];
  return [JSON.stringify(object), ...decoded.map((data) => Buffer.from(data, 'base64').toString('utf8'))].join('\n');
}

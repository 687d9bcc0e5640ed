import { it } from 'node:test';
import { apply, create, merge, remove } from '../../src/k8s/client/objects.js';
import type { Manifest } from '../../src/k8s/client/manifest.js';
import { assertRefused, describeContract } from '../support/contract.js';

describeContract('validation', (api) => {
  const { namespace } = api;

  type Case = [what: string, manifest: object, message: RegExp, status?: 400 | 403 | 422];
  const named = (kind: string, apiVersion: string, fields: object, metadata: object = {}) => ({
    apiVersion,
    kind,
    metadata: { name: 'invalid', namespace, ...metadata },
    ...fields,
  });
  const configMap = (metadata: object, data: object = {}) => named('ConfigMap', 'v1', { data }, metadata);
  const service = (spec: object, metadata: object = {}) => named('Service', 'v1', { spec }, metadata);
  const deployment = (spec: object, podSpec: object = { containers: [{ name: 'a', image: 'a' }] }) =>
    named('Deployment', 'apps/v1', {
      spec: {
        selector: { matchLabels: { app: 'a' } },
        template: { metadata: { labels: { app: 'a' } }, spec: podSpec },
        ...spec,
      },
    });
  const rbac = 'rbac.authorization.k8s.io';
  const binding = (name: string) =>
    named('RoleBinding', `${rbac}/v1`, { roleRef: { apiGroup: rbac, kind: 'ClusterRole', name } });

  const cases: Case[] = [
    [
      'a label with a space',
      configMap({ labels: { a: 'Alice B' } }),
      /metadata\.labels: Invalid value: "Alice B": a valid/,
    ],
    ['a label that is a number', configMap({ labels: { a: 1 } }), /cannot unmarshal number/, 400],
    ['a bad key of a label', configMap({ labels: { 'a b': '' } }), /metadata\.labels: Invalid value: "a b": name part/],
    [
      'a bad key of an annotation',
      configMap({ annotations: { 'a b': '' } }),
      /metadata\.annotations: .*"a b": name part/,
    ],
    [
      'a finalizer without a domain',
      configMap({ finalizers: ['hold'] }),
      /metadata\.finalizers\[0\]: .*fully qualified/,
    ],
    [
      'an owner without identity',
      configMap({ ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: 'a' }] }),
      /uid must not be empty/,
    ],
    ['a bad key', configMap({}, { 'a b': '' }), /data\[a b\]: Invalid value: "a b": a valid config key/],
    ['data that is a number', configMap({}, { a: 1 }), /cannot unmarshal number/, 400],
    ['a Secret that is not encoded', named('Secret', 'v1', { data: { a: '***' } }), /illegal base64 data/, 400],
    [
      'the token of no account',
      named('Secret', 'v1', { type: 'kubernetes.io/service-account-token' }),
      /metadata\.annotations\[kubernetes\.io\/service-account\.name\]: Required value/,
    ],
    ['a Service without ports', service({}), /spec\.ports: Required value/],
    [
      'two ports without names',
      service({ ports: [{ port: 1 }, { port: 2 }] }),
      /spec\.ports\[1\]\.name: Required value/,
    ],
    [
      'a Service named like a number',
      service({ ports: [{ port: 1 }] }, { name: '1a' }),
      /metadata\.name: .*"1a": a DNS-1035 label/,
    ],
    ['a Deployment without selector', deployment({ selector: undefined }), /spec\.selector: Required value/],
    [
      'a selector of other pods',
      deployment({ selector: { matchLabels: { app: 'b' } } }),
      /spec\.template\.metadata\.labels: .*`selector` does not match template `labels`/,
    ],
    ['a pod without containers', deployment({}, {}), /spec\.template\.spec\.containers: Required value/],
    [
      'a container without image',
      deployment({}, { containers: [{ name: 'a' }] }),
      /containers\[0\]\.image: Required value/,
    ],
    [
      'a mount of no volume',
      deployment({}, { containers: [{ name: 'a', image: 'a', volumeMounts: [{ name: 'b', mountPath: '/b' }] }] }),
      /containers\[0\]\.volumeMounts\[0\]\.name: Not found: "b"/,
    ],
    ['a binding to nothing', named('RoleBinding', `${rbac}/v1`, {}), /roleRef\.name: Required value/],
    [
      'a rule without verbs',
      named('Role', `${rbac}/v1`, { rules: [{ apiGroups: [''], resources: ['pods'] }] }),
      /rules\[0\]\.verbs: Required value/,
    ],
  ];
  for (const [what, manifest, message, status = 422] of cases)
    it(`refuses ${what}`, () =>
      assertRefused(
        create(api.cluster, manifest as never),
        status,
        status === 422 ? 'Invalid' : 'BadRequest',
        message,
      ));

  it('refuses to change immutable fields', async () => {
    const exposed = service({ ports: [{ port: 1 }] });
    const own = async (manifest: Manifest, changed: object, message: RegExp) => {
      await apply(api.cluster, manifest);
      await assertRefused(merge(api.cluster, manifest, changed), 422, 'Invalid', message);
      await remove(api.cluster, manifest);
    };
    const selector = { matchLabels: { app: 'b' } };
    const template = { metadata: { labels: { app: 'b' } } };
    await own(exposed, { spec: { clusterIP: '10.96.7.7', clusterIPs: ['10.96.7.7'] } }, /may not change once set/);
    await own(binding('view'), { roleRef: { name: 'edit' } }, /roleRef: .*: cannot change roleRef/);
    await own({ ...deployment({ replicas: 0 }) }, { spec: { selector, template } }, /spec\.selector: .*immutable/);
    const set = { ...deployment({ replicas: 0, serviceName: 'a' }), kind: 'StatefulSet' };
    await own(
      set,
      { spec: { serviceName: 'b' } },
      /spec: Forbidden: updates to statefulset spec for fields other than/,
    );
  });
});

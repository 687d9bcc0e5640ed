import assert from 'node:assert/strict';
import { randomBytes, X509Certificate } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import {
  KubeConfig,
  Watch,
  type V1CertificateSigningRequest,
  type V1Namespace,
  type V1Pod,
  type V1Secret,
  type V1SelfSubjectAccessReview,
  type V1SelfSubjectReview,
} from '@kubernetes/client-node';
import { startSimulatedCluster, type SimulatedCluster } from '../../simulator/index.js';
import { ApiError } from '../../src/k8s/api-errors.js';
import { connectCluster, type ApiCall, type Cluster } from '../../src/k8s/cluster.js';
import { execInPod } from '../../src/k8s/exec.js';
import { apply, create, list, merge, pathOf, read, ref, remove, type Manifest } from '../../src/k8s/objects.js';
import { podProblem } from '../../src/k8s/pods.js';
import { openTunnel } from '../../src/k8s/tunnel.js';
import { certificateRequest, generateUserKey } from '../../src/k8s/x509.js';
import { waitFor } from '../support/wait-for.js';

/*
 * What the product relies on in a Kubernetes API, asserted in the same words on the simulated cluster and, where
 * KUBECONFIG is set, on a real one: the simulation must not lie. Everything is made in a namespace of its own.
 */

/** An image with `sh`; it must be at hand in the real cluster. */
const image = process.env.CONTRACT_IMAGE ?? 'docker.io/curlimages/curl:8.16.0';
const signal = new AbortController().signal;

interface Fixture {
  name: string;
  connect(): Promise<{ kubeConfig: KubeConfig; close(): Promise<void> }>;
}

const fixtures: Fixture[] = [
  {
    name: 'the simulated cluster',
    async connect() {
      const simulated: SimulatedCluster = await startSimulatedCluster({ podStartMs: 50 });
      const kubeConfig = new KubeConfig();
      kubeConfig.loadFromString(simulated.kubeconfig);
      return { kubeConfig, close: () => simulated.close() };
    },
  },
];
if (process.env.KUBECONFIG)
  fixtures.push({
    name: 'the cluster of KUBECONFIG',
    connect() {
      const kubeConfig = new KubeConfig();
      kubeConfig.loadFromDefault();
      return Promise.resolve({ kubeConfig, close: () => Promise.resolve() });
    },
  });

for (const fixture of fixtures) describe(`the Kubernetes API of ${fixture.name}`, () => contract(fixture));

function contract(fixture: Fixture): void {
  const namespace = `contract-${randomBytes(3).toString('hex')}`;
  let kubeConfig: KubeConfig;
  let cluster: Cluster;
  let close = () => Promise.resolve();

  before(async () => {
    ({ kubeConfig, close } = await fixture.connect());
    cluster = connectCluster('it', kubeConfig, { signal });
    await create(cluster, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await waitFor('the default account', () => read(cluster, ref('v1', 'ServiceAccount', 'default', namespace)));
  });
  after(async () => {
    await remove(cluster, ref('v1', 'Namespace', namespace));
    cluster.close();
    await close();
  });

  const secret = (name: string, more: object = {}): Manifest => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    ...more,
  });
  const secretPath = (name: string) => `/api/v1/namespaces/${namespace}/secrets/${name}`;
  /** With credentials other than the administrator's. */
  const as = (user: Partial<KubeConfig['users'][number]>) => {
    const other = new KubeConfig();
    const { name, server, caData, caFile } = kubeConfig.getCurrentCluster()!;
    const reached = { name, server, ...(caData ? { caData } : { caFile }) };
    other.loadFromClusterAndUser(reached as never, { name: 'other', ...user } as never);
    return connectCluster('it', other, { signal });
  };
  const refused = async (work: Promise<unknown>): Promise<ApiError> => {
    const error: unknown = await work.then(
      () => assert.fail('was not refused'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof ApiError, String(error));
    return error;
  };
  const assertRefused = async (work: Promise<unknown>, status: number, reason: string, message: RegExp) => {
    const error = await refused(work);
    assert.deepEqual({ status: error.status, reason: error.reason }, { status, reason }, error.message);
    assert.match(error.message, message);
  };

  describe('what it says about itself', () => {
    it('is ready, has a version and lists groups and resources', async () => {
      assert.equal(await cluster.request({ method: 'GET', path: '/readyz', accept: 'text/plain' }), 'ok');
      const version = await cluster.request<{ gitVersion: string }>({ method: 'GET', path: '/version' });
      assert.match(version.gitVersion, /^v1\.\d+/);
      const { groups } = await cluster.request<{ groups: { name: string }[] }>({ method: 'GET', path: '/apis' });
      assert.ok(groups.some(({ name }) => name === 'apps'));
      const apps = await cluster.request<{ resources: object[] }>({ method: 'GET', path: '/apis/apps/v1' });
      const deployments = apps.resources.find((one) => (one as { name: string }).name === 'deployments');
      assert.match(JSON.stringify(deployments), /"namespaced":true,"kind":"Deployment"/);
    });

    it('has no page where there is no group, and no resource where there is no kind', async () => {
      const noGroup = await refused(cluster.request({ method: 'GET', path: '/apis/no.such.group/v1' }));
      assert.deepEqual([noGroup.status, noGroup.reason], [404, '']);
      const noKind = cluster.request({ method: 'GET', path: `/api/v1/namespaces/${namespace}/nothings` });
      await assertRefused(noKind, 404, 'NotFound', /the server could not find the requested resource/);
    });
  });

  describe('create and read', () => {
    it('gives an object its identity and encodes a Secret', async () => {
      const made = await create<V1Secret>(cluster, secret('made', { stringData: { key: 'value' } }));
      assert.equal(made.data?.key, Buffer.from('value').toString('base64'));
      assert.equal(made.type, 'Opaque');
      assert.ok(made.metadata?.uid && made.metadata.resourceVersion && made.metadata.creationTimestamp);
      assert.deepEqual((await read<V1Secret>(cluster, secret('made')))?.metadata?.uid, made.metadata.uid);
    });

    it('refuses a second one, a bad name, none, another kind and another namespace', async () => {
      await create(cluster, secret('twice'));
      await assertRefused(create(cluster, secret('twice')), 409, 'AlreadyExists', /secrets "twice" already exists/);
      await assertRefused(
        create(cluster, secret('Bad_Name')),
        422,
        'Invalid',
        /Secret "Bad_Name" is invalid: metadata\.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain/,
      );
      await assertRefused(
        create(cluster, secret('')),
        422,
        'Invalid',
        /Secret "" is invalid: metadata\.name: Required value: name or generateName is required/,
      );
      const post = (body: object): ApiCall => ({
        method: 'POST',
        path: `/api/v1/namespaces/${namespace}/secrets`,
        body,
      });
      await assertRefused(
        cluster.request(post({ ...secret('x'), kind: 'ConfigMap' })),
        400,
        'BadRequest',
        /ConfigMap in version "v1" cannot be handled as a Secret/,
      );
      await assertRefused(
        cluster.request(post({ ...secret('x'), metadata: { name: 'x', namespace: 'other' } })),
        400,
        'BadRequest',
        /does not match the namespace/,
      );
    });

    it('refuses an object in a namespace that is not there', async () => {
      const lost = { ...secret('lost'), metadata: { name: 'lost', namespace: 'contract-none' } };
      await assertRefused(create(cluster, lost), 404, 'NotFound', /namespaces "contract-none" not found/);
      assert.deepEqual(await list(cluster, 'v1', 'Secret', { namespace: 'contract-none' }), []);
    });

    it('does not find what is not there', async () => {
      await assertRefused(
        cluster.request({ method: 'GET', path: secretPath('none') }),
        404,
        'NotFound',
        /secrets "none" not found/,
      );
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments/none`;
      await assertRefused(
        cluster.request({ method: 'GET', path }),
        404,
        'NotFound',
        /deployments\.apps "none" not found/,
      );
    });

    it('makes nothing in a dry run, and refuses in it what it would refuse', async () => {
      await create(cluster, secret('dry'), { dryRun: true });
      assert.equal(await read(cluster, secret('dry')), undefined);
      await create(cluster, secret('there'));
      await assertRefused(create(cluster, secret('there'), { dryRun: true }), 409, 'AlreadyExists', /already exists/);
    });

    it('completes a name', async () => {
      const { metadata } = await create(cluster, { ...secret(''), metadata: { generateName: 'some-', namespace } });
      assert.match(metadata!.name!, /^some-[a-z0-9]{5}$/);
    });

    it('lists by labels and fields', async () => {
      for (const [name, tier] of [
        ['a', 'front'],
        ['b', 'back'],
      ] as const)
        await create(cluster, {
          ...secret(`listed-${name}`),
          metadata: { name: `listed-${name}`, namespace, labels: { tier } },
        });
      const names = async (selection: object) =>
        (await list(cluster, 'v1', 'Secret', { namespace, ...selection })).map(({ metadata }) => metadata?.name);
      assert.deepEqual(await names({ labels: { tier: 'back' } }), ['listed-b']);
      assert.ok(!('kind' in (await list(cluster, 'v1', 'Secret', { namespace }))[0]!), 'items of a list have no kind');
      assert.deepEqual(await names({ fields: { 'metadata.name': 'listed-a' } }), ['listed-a']);
      const path = `/api/v1/namespaces/${namespace}/secrets`;
      const found = await cluster.request<{ items: V1Secret[] }>({
        method: 'GET',
        path,
        query: { labelSelector: 'tier in (front, back),tier!=back' },
      });
      assert.deepEqual(
        found.items.map(({ metadata }) => metadata?.name),
        ['listed-a'],
      );
      await assertRefused(
        cluster.request({ method: 'GET', path, query: { labelSelector: 'a b' } }),
        400,
        'BadRequest',
        /unable to parse requirement/,
      );
      await assertRefused(
        list(cluster, 'v1', 'Secret', { namespace, fields: { 'metadata.labels': 'x' } }),
        400,
        'BadRequest',
        /field label not supported: metadata\.labels/,
      );
    });

    it('gives metadata alone on demand', async () => {
      const path = `/api/v1/namespaces/${namespace}`;
      const accept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1, application/json';
      const partial = await cluster.request<V1Namespace>({ method: 'GET', path, accept });
      assert.equal(partial.kind, 'PartialObjectMetadata');
      assert.equal(partial.metadata?.name, namespace);
      assert.equal(partial.status, undefined);
    });
  });

  describe('writing', () => {
    it('merges fields in, removes those that are null, and changes nothing without a difference', async () => {
      const made = await create<V1Secret>(cluster, secret('merged', { stringData: { a: '1', b: '2' } }));
      const merged = await merge<V1Secret>(cluster, secret('merged'), { data: { a: null, c: 'Mw==' } });
      assert.deepEqual(merged.data, { b: 'Mg==', c: 'Mw==' });
      assert.notEqual(merged.metadata?.resourceVersion, made.metadata?.resourceVersion);
      const same = await merge<V1Secret>(cluster, secret('merged'), { data: { c: 'Mw==' } });
      assert.equal(same.metadata?.resourceVersion, merged.metadata?.resourceVersion);
      await assertRefused(merge(cluster, secret('none'), {}), 404, 'NotFound', /secrets "none" not found/);
    });

    it('knows no other kinds of patches', async () => {
      await create(cluster, secret('strange'));
      const strange: ApiCall = { method: 'PATCH', path: secretPath('strange'), contentType: 'text/plain', body: {} };
      await assertRefused(cluster.request(strange), 415, 'UnsupportedMediaType', /Unsupported Media Type/);
    });

    it('keeps the identity of an object', async () => {
      await create(cluster, secret('fixed'));
      const change = (fields: object) => merge(cluster, secret('fixed'), fields);
      const name = /the name of the object \(other\) does not match the name on the URL \(fixed\)/;
      await assertRefused(change({ metadata: { name: 'other' } }), 400, 'BadRequest', name);
      await assertRefused(
        change({ metadata: { namespace: 'other' } }),
        400,
        'BadRequest',
        /does not match the namespace/,
      );
      await assertRefused(change({ metadata: { uid: 'other' } }), 422, 'Invalid', /metadata\.uid: .*immutable/);
      await assertRefused(
        change({ type: 'other' }),
        422,
        'Invalid',
        /type: Invalid value: "other": field is immutable/,
      );
      const old = { ...secret('old'), metadata: { name: 'old', namespace, resourceVersion: '1' } };
      await assertRefused(create(cluster, old), 500, '', /resourceVersion should not be set on objects to be created/);
    });

    it('refuses a write to an object that has changed since', async () => {
      const made = await create<V1Secret>(cluster, secret('raced'));
      const put = (body: object): ApiCall => ({ method: 'PUT', path: secretPath('raced'), body });
      const updated = await cluster.request<V1Secret>(put({ ...made, stringData: { a: '1' } }));
      assert.equal(updated.data?.a, 'MQ==');
      await assertRefused(
        cluster.request(put(made)),
        409,
        'Conflict',
        /Operation cannot be fulfilled on secrets "raced": the object has been modified/,
      );
    });

    it('lets one of two take a Lease', async () => {
      const lease = (holderIdentity: string, resourceVersion?: string) => ({
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: 'claim', namespace, resourceVersion },
        spec: { holderIdentity, leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' },
      });
      const made = await create(cluster, lease('one'));
      await assertRefused(
        create(cluster, lease('two')),
        409,
        'AlreadyExists',
        /leases\.coordination\.k8s\.io "claim" already exists/,
      );
      const path = await pathOf(cluster, lease('one'));
      const version = made.metadata!.resourceVersion!;
      await cluster.request({ method: 'PUT', path, body: lease('two', version) });
      await assertRefused(
        cluster.request({ method: 'PUT', path, body: lease('three', version) }),
        409,
        'Conflict',
        /has been modified/,
      );
      await assertRefused(
        remove(cluster, lease('two'), { resourceVersion: version }),
        409,
        'Conflict',
        /does not match the ResourceVersion in record/,
      );
      await assertRefused(
        cluster.request({ method: 'PUT', path, body: lease('four') }),
        422,
        'Invalid',
        /metadata\.resourceVersion: .*must be specified for an update/,
      );
      const { spec } = lease('one');
      const imprecise = { ...lease('one'), spec: { ...spec, renewTime: '2026-01-01T00:00:00Z' } };
      await assertRefused(create(cluster, imprecise), 400, 'BadRequest', /parsing time "2026-01-01T00:00:00Z"/);
    });
  });

  describe('what it refuses as invalid', () => {
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
      [
        'a bad key of a label',
        configMap({ labels: { 'a b': '' } }),
        /metadata\.labels: Invalid value: "a b": name part/,
      ],
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
      it(what, () =>
        assertRefused(create(cluster, manifest as never), status, status === 422 ? 'Invalid' : 'BadRequest', message),
      );

    it('a change of what is fixed', async () => {
      const exposed = service({ ports: [{ port: 1 }] });
      const own = async (manifest: Manifest, changed: object, message: RegExp) => {
        await apply(cluster, manifest);
        await assertRefused(merge(cluster, manifest, changed), 422, 'Invalid', message);
        await remove(cluster, manifest);
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

  describe('server-side apply', () => {
    const config = (data: Record<string, string>): Manifest => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'applied', namespace },
      data,
    });
    const applyAs = (manager: string | undefined, data: Record<string, string>, force?: boolean) =>
      cluster.request<{ data?: object; metadata: { managedFields: { manager: string }[]; resourceVersion: string } }>({
        method: 'PATCH',
        path: `/api/v1/namespaces/${namespace}/configmaps/applied`,
        query: { fieldManager: manager, force },
        contentType: 'application/apply-patch+yaml',
        body: config(data),
      });

    it('makes, repeats without a change, and removes what is no longer applied', async () => {
      const made = await applyAs('one', { a: '1', b: '2' });
      const again = await applyAs('one', { a: '1', b: '2' });
      assert.equal(again.metadata.resourceVersion, made.metadata.resourceVersion);
      assert.deepEqual((await applyAs('one', { a: '1' })).data, { a: '1' });
    });

    it('names the manager and the field of a conflict, and hands the field over when forced', async () => {
      await assertRefused(
        applyAs('two', { a: '2' }),
        409,
        'Conflict',
        /Apply failed with 1 conflict: conflict with "one": \.data\.a/,
      );
      const forced = await applyAs('two', { a: '2' }, true);
      assert.deepEqual(forced.data, { a: '2' });
      assert.deepEqual(
        forced.metadata.managedFields.map(({ manager }) => manager),
        ['two'],
      );
      // The field is gone from the first one's: what it applies no more is not its to remove.
      assert.deepEqual((await applyAs('one', {})).data, { a: '2' });
    });

    it('respects those who wrote otherwise', async () => {
      await merge(cluster, config({}), { data: { c: '3' } });
      await assertRefused(applyAs('two', { a: '2', c: '4' }), 409, 'Conflict', /conflict with "vcdemo".*: \.data\.c/);
    });

    it('wants a manager', () =>
      assertRefused(
        applyAs(undefined, {}),
        422,
        'Invalid',
        /fieldManager: Required value: is required for apply patch/,
      ));

    it('merges the containers of a pod template by their names', async () => {
      const deployment = (image: string, ...more: object[]): Manifest => ({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'keyed', namespace },
        spec: {
          replicas: 0,
          selector: { matchLabels: { app: 'keyed' } },
          template: {
            metadata: { labels: { app: 'keyed' } },
            spec: { containers: [{ name: 'main', image }, ...more] },
          },
        },
      });
      const containersOf = (object: unknown) =>
        (
          object as { spec: { template: { spec: { containers: { name: string; image: string }[] } } } }
        ).spec.template.spec.containers.map(({ name, image: of }) => `${name}=${of}`);
      const made = await apply(cluster, deployment('one', { name: 'second', image: 'two' }));
      assert.deepEqual(containersOf(made), ['main=one', 'second=two']);
      assert.equal(made.metadata?.generation, 1);
      const changed = await apply(cluster, deployment('three'));
      assert.deepEqual(containersOf(changed), ['main=three']);
      assert.equal(changed.metadata?.generation, 2);
    });
  });

  describe('delete', () => {
    it('deletes, and refuses one of another identity or of none', async () => {
      await create(cluster, secret('doomed'));
      await assertRefused(
        remove(cluster, secret('doomed'), { uid: 'another' }),
        409,
        'Conflict',
        /the UID in the precondition \(another\) does not match the UID in record/,
      );
      const gone = await cluster.request<{ status: string }>({ method: 'DELETE', path: secretPath('doomed') });
      assert.equal(gone.status, 'Success');
      await assertRefused(
        cluster.request({ method: 'DELETE', path: secretPath('doomed') }),
        404,
        'NotFound',
        /secrets "doomed" not found/,
      );
    });

    it('keeps an object until its last finalizer is gone', async () => {
      const held = { ...secret('held'), metadata: { name: 'held', namespace, finalizers: ['example.com/hold'] } };
      await create(cluster, held);
      await remove(cluster, held);
      assert.ok((await read(cluster, held))?.metadata?.deletionTimestamp);
      await merge(cluster, held, { metadata: { finalizers: null } });
      assert.equal(await read(cluster, held), undefined);
    });

    it('takes along what an object owned', async () => {
      const owner = await create(cluster, secret('owner'));
      const { name, uid } = owner.metadata!;
      const owned = secret('owned');
      await create(cluster, {
        ...owned,
        metadata: {
          ...owned.metadata,
          ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: name!, uid: uid! }],
        },
      });
      await remove(cluster, secret('owner'));
      await waitFor('the owned object to go', async () => (await read(cluster, owned)) === undefined);
      const orphan = {
        ...secret('orphan'),
        metadata: {
          name: 'orphan',
          namespace,
          ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: 'none', uid: 'none' }],
        },
      };
      await create(cluster, orphan);
      await waitFor('what nobody owned to go', async () => (await read(cluster, orphan)) === undefined);
    });

    it('ends a namespace with all that is in it, and lets nothing in meanwhile', async () => {
      const name = `${namespace}-ends`;
      const space = ref('v1', 'Namespace', name);
      const held = (finalizers: string[]) => ({
        ...secret('held'),
        metadata: { name: 'held', namespace: name, finalizers },
      });
      await create(cluster, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
      await create(cluster, held(['example.com/hold']));
      await remove(cluster, space);
      assert.equal((await read<V1Namespace>(cluster, space))?.status?.phase, 'Terminating');
      const late = { ...secret('late'), metadata: { name: 'late', namespace: name } };
      await assertRefused(
        create(cluster, late),
        403,
        'Forbidden',
        /secrets "late" is forbidden: unable to create new content in namespace .* because it is being terminated/,
      );
      const condition = await waitFor('what holds it', async () => {
        const { status } = (await read<V1Namespace>(cluster, space))!;
        return status?.conditions?.find(
          ({ type, status: is }) => type === 'NamespaceFinalizersRemaining' && is === 'True',
        );
      });
      assert.match(condition.message ?? '', /example\.com\/hold/);
      await merge(cluster, held([]), { metadata: { finalizers: null } });
      await waitFor('the namespace to go', async () => (await read(cluster, space)) === undefined);
    });
  });

  it('tells a watch what is added, modified and deleted, from a resource version on', async () => {
    const labels = { watched: 'yes' };
    const watched = { ...secret('watched'), metadata: { name: 'watched', namespace, labels } };
    const path = `/api/v1/namespaces/${namespace}/secrets`;
    const { metadata } = await cluster.request<{ metadata: { resourceVersion: string } }>({ method: 'GET', path });
    await create(cluster, watched);
    const seen: string[] = [];
    const query = { labelSelector: 'watched=yes', resourceVersion: metadata.resourceVersion };
    const controller = await new Watch(kubeConfig).watch(
      path,
      query,
      (phase, object: V1Secret) => seen.push(`${phase} ${object.metadata?.name}`),
      () => undefined,
    );
    try {
      await merge(cluster, watched, { data: { a: 'MQ==' } });
      await create(cluster, secret('unwatched'));
      await merge(cluster, watched, { metadata: { labels: { watched: 'no' } } }); // leaves the selection
      await waitFor('the events', () => Promise.resolve(seen.length >= 3));
      assert.deepEqual(seen, ['ADDED watched', 'MODIFIED watched', 'DELETED watched']);
    } finally {
      controller.abort();
    }
  });

  describe('who may do what', () => {
    it('knows nobody without credentials', async () => {
      const nobody = as({});
      await assertRefused(
        nobody.request({ method: 'GET', path: '/api/v1/namespaces' }),
        403,
        'Forbidden',
        /namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the cluster scope/,
      );
      await assertRefused(
        nobody.request({ method: 'GET', path: secretPath('x') }),
        403,
        'Forbidden',
        new RegExp(
          `secrets "x" is forbidden: User "system:anonymous" cannot get resource "secrets" in API group "" in the namespace "${namespace}"`,
        ),
      );
      assert.ok(await nobody.request({ method: 'GET', path: '/version' }));
      nobody.close();
    });

    it('refuses a token that is none', async () => {
      const liar = as({ token: 'not.a.token' });
      await assertRefused(
        liar.request({ method: 'GET', path: '/api/v1/namespaces' }),
        401,
        'Unauthorized',
        /Unauthorized/,
      );
      liar.close();
    });

    it('says what the administrator may do: everything', async () => {
      const review = await create<{ status?: { allowed: boolean } } & Manifest>(cluster, {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { verb: '*', group: '*', resource: '*' } },
      });
      assert.equal(review.status?.allowed, true);
    });

    it('issues a token of an account, which may what is bound to it', async () => {
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/default/token`;
      const ask = (expirationSeconds: number): ApiCall => ({
        method: 'POST',
        path,
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds } },
      });
      await assertRefused(cluster.request(ask(60)), 422, 'Invalid', /may not specify a duration less than 10 minutes/);
      await assertRefused(
        cluster.request({ ...ask(600), path: path.replace('default', 'none') }),
        404,
        'NotFound',
        /serviceaccounts "none" not found/,
      );
      const { status } = await cluster.request<{ status: { token: string; expirationTimestamp: string } }>(ask(600));
      assert.ok(Math.abs(Date.parse(status.expirationTimestamp) - Date.now() - 600_000) < 30_000);
      const account = as({ token: status.token });
      const who = await create<V1SelfSubjectReview>(account, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'SelfSubjectReview',
      });
      assert.equal(who.status?.userInfo?.username, `system:serviceaccount:${namespace}:default`);
      const look: ApiCall = { method: 'GET', path: `/api/v1/namespaces/${namespace}/configmaps` };
      await assertRefused(
        account.request(look),
        403,
        'Forbidden',
        new RegExp(`User "system:serviceaccount:${namespace}:default" cannot list resource "configmaps"`),
      );
      await create(cluster, {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'viewer', namespace },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
        subjects: [{ kind: 'ServiceAccount', name: 'default', namespace }],
      });
      await waitFor('the binding to take effect', () =>
        account.request(look).then(
          () => true,
          () => false,
        ),
      );
      // What the role says, in the namespace of the binding, and no more.
      const refusals: [ApiCall, RegExp][] = [
        [{ method: 'GET', path: '/api/v1/namespaces/default/configmaps' }, /in the namespace "default"/],
        [{ method: 'GET', path: `/api/v1/namespaces/${namespace}/secrets` }, /cannot list resource "secrets"/],
        [{ method: 'DELETE', path: look.path.concat('/x') }, /cannot delete resource "configmaps"/],
        [{ method: 'POST', path, body: {} }, /cannot create resource "serviceaccounts\/token"/],
      ];
      for (const [call, message] of refusals) await assertRefused(account.request(call), 403, 'Forbidden', message);
      const mayI = async (resourceAttributes: object) => {
        const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview' };
        const asked = await create<V1SelfSubjectAccessReview>(account, { ...review, spec: { resourceAttributes } });
        return asked.status?.allowed;
      };
      assert.equal(await mayI({ verb: 'list', resource: 'configmaps', namespace }), true);
      assert.equal(await mayI({ verb: 'list', resource: 'configmaps' }), false);
      assert.equal(await mayI({ verb: 'create', resource: 'pods', subresource: 'exec', namespace }), false);
      assert.equal(await mayI({ verb: '*', group: '*', resource: '*' }), false);
      account.close();
    });

    it('fills a Secret with a token of an account', async () => {
      const annotations = { 'kubernetes.io/service-account.name': 'default' };
      const token = {
        ...secret('token'),
        metadata: { name: 'token', namespace, annotations },
        type: 'kubernetes.io/service-account-token',
      };
      await apply(cluster, token);
      const data = await waitFor('the token', async () => {
        const found = await read<V1Secret>(cluster, token);
        return found?.data?.token ? found.data : undefined;
      });
      assert.equal(Buffer.from(data.namespace!, 'base64').toString(), namespace);
      assert.match(Buffer.from(data['ca.crt']!, 'base64').toString(), /BEGIN CERTIFICATE/);
      assert.match(Buffer.from(data.token!, 'base64').toString(), /^eyJ/);
    });

    it('signs a certificate when its request is approved, and knows its holder', async () => {
      const name = `${namespace}-person`;
      const key = await generateUserKey();
      const request = Buffer.from(
        certificateRequest(key, [
          ['CN', name],
          ['O', 'people'],
        ]),
      ).toString('base64');
      const csr = (fields: object) => ({
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { name },
        spec: {
          request,
          signerName: 'kubernetes.io/kube-apiserver-client',
          expirationSeconds: 1200,
          usages: ['client auth'],
          ...fields,
        },
      });
      await assertRefused(
        create(cluster, csr({ expirationSeconds: 60 })),
        422,
        'Invalid',
        /may not specify a duration less than 600 seconds/,
      );
      await assertRefused(
        create(cluster, csr({ request: 'eA==' })),
        422,
        'Invalid',
        /PEM block type must be CERTIFICATE REQUEST/,
      );
      await assertRefused(create(cluster, csr({ usages: [] })), 422, 'Invalid', /spec\.usages: Required value/);
      const asMaster = certificateRequest(key, [['O', 'system:masters']]);
      await assertRefused(
        create(cluster, csr({ request: Buffer.from(asMaster).toString('base64') })),
        403,
        'Forbidden',
        /signer with system:masters group is not allowed/,
      );
      const made = await create<V1CertificateSigningRequest>(cluster, csr({}));
      assert.equal(made.status?.certificate, undefined);
      const approval = `${await pathOf(cluster, made as never)}/approval`;
      const approve = (...conditions: object[]): Promise<unknown> =>
        cluster.request({
          method: 'PATCH',
          path: approval,
          contentType: 'application/merge-patch+json',
          body: { status: { conditions } },
        });
      const half = approve({ type: 'Approved', status: 'False' });
      await assertRefused(half, 422, 'Invalid', /status\.conditions\[0\]\.status: Unsupported value: "False"/);
      await approve({ type: 'Approved', status: 'True', reason: 'Test', message: 'test' });
      await assertRefused(approve(), 422, 'Invalid', /updates may not remove a condition of type "Approved"/);
      const pem = await waitFor(
        'the certificate',
        async () => (await read<V1CertificateSigningRequest>(cluster, csr({})))?.status?.certificate,
      );
      const certificate = new X509Certificate(Buffer.from(pem, 'base64'));
      assert.deepEqual(certificate.subject.split('\n').toSorted(), [`CN=${name}`, 'O=people']);
      assert.ok(Math.abs(Date.parse(certificate.validTo) - Date.now() - 1_200_000) < 400_000);
      await remove(cluster, csr({}));
      const keyData = Buffer.from(key.privateKey.export({ type: 'pkcs8', format: 'pem' })).toString('base64');
      const person = as({ certData: pem, keyData });
      await assertRefused(
        person.request({ method: 'GET', path: '/api/v1/nodes' }),
        403,
        'Forbidden',
        new RegExp(`User "${name}" cannot list resource "nodes"`),
      );
      const binding: Manifest = {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ kind: 'User', name, apiGroup: 'rbac.authorization.k8s.io' }],
      };
      await create(cluster, binding);
      try {
        await waitFor('the binding to take effect', () =>
          person.request({ method: 'GET', path: '/api/v1/nodes' }).then(
            () => true,
            () => false,
          ),
        );
      } finally {
        await remove(cluster, binding);
        person.close();
      }
    });
  });

  it('serves a kind as soon as its definition is established', async () => {
    const group = `${namespace}.example.com`;
    const definition: Manifest = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `things.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { kind: 'Thing', plural: 'things', singular: 'thing' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    };
    await apply(cluster, definition);
    try {
      const thing = {
        apiVersion: `${group}/v1`,
        kind: 'Thing',
        metadata: { name: 'one', namespace },
        spec: { size: 3 },
      };
      const made = await waitFor('the kind to be served', () => apply(cluster, thing).catch(() => undefined));
      assert.deepEqual((made as unknown as typeof thing).spec, { size: 3 });
      assert.equal((await list(cluster, `${group}/v1`, 'Thing', { namespace })).length, 1);
    } finally {
      await remove(cluster, definition);
    }
  });

  describe('pods', () => {
    const pod: Manifest = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'shell', namespace, labels: { app: 'shell' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'shell', image, imagePullPolicy: 'IfNotPresent', command: ['sleep', '3600'] }],
      },
    };
    const target = { namespace, pod: 'shell', container: 'shell' };
    const run = (...command: string[]) => execInPod(cluster, target, command, { withinMs: 20_000, signal });

    before(async () => {
      const missing = create(cluster, { ...pod, spec: { ...(pod.spec as object), serviceAccountName: 'none' } });
      await assertRefused(
        missing,
        403,
        'Forbidden',
        /error looking up service account .*\/none: serviceaccount "none" not found/,
      );
      await create(cluster, pod);
      await waitFor('the pod', async () => podProblem((await read<V1Pod>(cluster, pod))!) === undefined, {
        withinMs: 60_000,
      });
    });

    it('run commands, and say how they ended', async () => {
      assert.equal(await run('echo', 'hello'), 'hello\n');
      await assert.rejects(
        run('sh', '-c', 'echo to stderr >&2; exit 3'),
        /command terminated with non-zero exit code: command terminated with exit code 3 to stderr/,
      );
      await assert.rejects(run('false'), /1/);
    });

    it('cannot run a command in a pod or container that is not there', async () => {
      const exec = (name: string, container: string): ApiCall => ({
        method: 'GET',
        path: `/api/v1/namespaces/${namespace}/pods/${name}/exec`,
        query: { command: 'true', container, stdout: true },
      });
      await assertRefused(cluster.request(exec('none', 'shell')), 404, 'NotFound', /pods "none" not found/);
      await assertRefused(
        cluster.request(exec('shell', 'none')),
        400,
        'BadRequest',
        /container none is not valid for pod shell/,
      );
      await assertRefused(cluster.request(exec('shell', 'shell')), 400, 'BadRequest', /Upgrade request required/i);
      const started = execInPod(cluster, { ...target, container: 'none' }, ['true'], { withinMs: 5000, signal });
      await assert.rejects(started, /could not be started/);
    });

    it('end a connection to a port on which nothing listens', async () => {
      const tunnel = await openTunnel(kubeConfig, namespace, 'shell', 4321);
      await assert.rejects(fetch(`http://localhost:${tunnel.port}/`));
      tunnel.close();
    });

    it('are made by Deployments and StatefulSets, and go with them', async () => {
      const owner = (kind: string): Manifest => ({
        apiVersion: 'apps/v1',
        kind,
        metadata: { name: kind.toLowerCase(), namespace },
        spec: {
          ...(kind === 'StatefulSet' && { serviceName: 'none' }),
          selector: { matchLabels: { app: kind } },
          template: { metadata: { labels: { app: kind } }, spec: pod.spec },
        },
      });
      const podsOf = (kind: string) => list<V1Pod>(cluster, 'v1', 'Pod', { namespace, labels: { app: kind } });
      for (const kind of ['Deployment', 'StatefulSet']) await apply(cluster, owner(kind));
      for (const kind of ['Deployment', 'StatefulSet']) {
        const ready = await waitFor(
          `the ${kind}`,
          async () => {
            const { status } = (await read<Manifest & { status?: Record<string, number> }>(cluster, owner(kind)))!;
            return status?.readyReplicas === 1 && status.observedGeneration === 1 && status;
          },
          { withinMs: 60_000 },
        );
        assert.equal(ready.replicas, 1);
        const [made] = await podsOf(kind);
        assert.match(
          made!.metadata!.name!,
          kind === 'Deployment' ? /^deployment-[a-z0-9]+-[a-z0-9]{5}$/ : /^statefulset-0$/,
        );
        await remove(cluster, owner(kind));
      }
      for (const kind of ['Deployment', 'StatefulSet'])
        await waitFor('the pods to go', async () => (await podsOf(kind)).length === 0, { withinMs: 60_000 });
    });
  });
}

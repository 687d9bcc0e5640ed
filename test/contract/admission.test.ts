import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, it } from 'node:test';
import type { V1Pod, V1StorageClass } from '@kubernetes/client-node';
import { demoConfig } from '../../src/config/schema.js';
import { ApiError, isNotFound } from '../../src/k8s/client/api-errors.js';
import type { Cluster } from '../../src/k8s/client/cluster.js';
import { admissionPolicy, policyRules } from '../../src/k8s/isolation/admission-policy.js';
import { admissionRules, storageClassesAnnotation, workerAnnotation } from '../../src/k8s/isolation/admission-rules.js';
import { applyAll, contains, merge, read, remove } from '../../src/k8s/client/objects.js';
import { list } from '../../src/k8s/client/lists.js';
import { pathOf } from '../../src/k8s/client/discovery.js';
import { ref, type Manifest } from '../../src/k8s/client/manifest.js';
import { whoAmI } from '../../src/k8s/client/who-am-i.js';
import { admissionCases } from '../support/admission-cases.js';
import { describeContract } from '../support/contract.js';
import { waitFor } from '../support/wait-for.js';
import { create, request } from '../support/answers.js';

/*
 * Sends the table of what demos may create to the API server as dry runs: without the policy, to see that the attacks are
 * real, and with it. The policy is the one that vcdemo ships, limited to the namespace of this test.
 */

const domain = 'demos.test';
const config = demoConfig.parse({ domain });
const [cluster, demo] = ['vc1', 'demo'];
const accounts = [`vc-${cluster}`, 'vc-client'];

describeContract('the admission policy', (api) => {
  const { namespace } = api;
  const policyName = `vcdemo-contract-${randomBytes(3).toString('hex')}`;
  const as = new Map<string, Cluster>();
  const cases = admissionCases({
    namespace,
    demo,
    cluster,
    domain,
    proxyImage: `${config.istio.hub}/proxyv2:${config.istio.tag}`,
    storageClass: '__default__',
  });
  let storageClass: string;

  /** The shipped policy under another name, for this namespace. */
  const policies = (): Manifest[] =>
    (
      JSON.parse(JSON.stringify(admissionPolicy(config)).replaceAll('"vcdemo-demos"', `"${policyName}"`)) as Manifest[]
    ).map((manifest) =>
      manifest.kind === 'ValidatingAdmissionPolicy'
        ? { ...manifest, spec: withNamespace(manifest.spec as PolicySpec, namespace) }
        : manifest,
    );

  before(async () => {
    const labels = { 'vcdemo.io/demo': demo, 'vcdemo.io/virtual-cluster': cluster };
    const classes = await list<V1StorageClass>(api.cluster, 'storage.k8s.io/v1', 'StorageClass');
    storageClass = classes[0]!.metadata!.name!;
    const annotations = {
      [storageClassesAnnotation]: storageClass,
      [workerAnnotation]: await whoAmI(api.cluster),
    };
    await merge(api.cluster, ref('v1', 'Namespace', namespace), { metadata: { labels, annotations } });
    for (const name of [...accounts, `vc-workload-${cluster}`])
      await create(api.cluster, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } });
    const group = 'rbac.authorization.k8s.io';
    await create(api.cluster, {
      apiVersion: `${group}/v1`,
      kind: 'RoleBinding',
      metadata: { name: 'tenants', namespace },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: accounts.map((name) => ({ kind: 'ServiceAccount', name, namespace })),
    });
    for (const name of accounts) as.set(name, api.as({ token: await tokenOf(name) }));
  });
  api.cleanUp(async () => {
    for (const client of as.values()) client.close();
    for (const policy of policies()) await remove(api.cluster, policy);
  });

  async function tokenOf(name: string): Promise<string> {
    const account = await pathOf(api.cluster, ref('v1', 'ServiceAccount', name, namespace));
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } };
    const path = `${account}/token`;
    return (await request<{ status: { token: string } }>(api.cluster, { method: 'POST', path, body })).status.token;
  }

  /** The API server's refusal of a dry run; undefined if it would create the object; `without a field` if it drops part of it. */
  async function refusalOf(object: Manifest, account?: string): Promise<string | undefined> {
    const filled = JSON.parse(JSON.stringify(object).replaceAll('__default__', storageClass)) as Manifest;
    try {
      const answer = await create<Manifest>(account ? as.get(account)! : api.cluster, filled, { dryRun: true });
      return contains(answer.spec, filled.spec) ? undefined : withoutField;
    } catch (error) {
      if (isNotFound(error) || (error instanceof Error && error.message.includes('does not serve')))
        return withoutField;
      if (error instanceof ApiError) return error.message;
      throw error;
    }
  }

  for (const { name, object, refusedBy, account } of cases)
    it(`does not exist yet: ${name} would be created${account ? ` by ${account}` : ''}`, async () => {
      const refusal = await refusalOf(object, account);
      const elsewhere = refusedBy && refusedElsewhere[refusedBy];
      if (refusal === withoutField) return;
      if (refusal !== undefined && elsewhere) assert.match(refusal, elsewhere);
      else assert.equal(refusal, undefined);
    });

  it('takes effect once it is installed', async () => {
    await applyAll(api.cluster, policies(), 1);
    const probe = { ...admissionRules['host-namespaces'].probe, metadata: { name: 'probe', namespace } };
    await waitFor('the policy to be enforced', () => refusalOf(probe), { withinMs: 30_000, everyMs: 100 });
  });

  for (const { name, object, refusedBy, account } of cases)
    it(`${refusedBy ? 'refuses' : 'admits'} ${name}${account ? `, from ${account}` : ''}`, async () => {
      const refusal = await refusalOf(object, account);
      // Without a field: one that this Kubernetes does not know, or a quantity that it normalises.
      if (refusal === withoutField) return;
      if (refusedBy === undefined) return assert.equal(refusal, undefined);
      const elsewhere = refusedElsewhere[refusedBy];
      const { message } = policyRules(config).find(({ id }) => id === refusedBy)!;
      if (elsewhere && refusal && elsewhere.test(refusal)) return;
      assert.ok(refusal?.includes(`denied request: ${message}`), refusal ?? 'admitted');
    });

  it('lets vcluster set conditions of a pod, but not its addresses, labels or annotations', async () => {
    const pod = { name: 'gated', namespace };
    await create(api.cluster, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: pod,
      spec: { containers: [{ name: 'app', image: 'vcdemo.invalid/app:1' }], nodeSelector: { contract: 'nowhere' } },
    });
    const path = `${await pathOf(api.cluster, ref('v1', 'Pod', pod.name, namespace))}/status`;
    const contentType = 'application/merge-patch+json';
    const patched = async (account: string, body: object): Promise<string | undefined> => {
      try {
        await as.get(account)!.request({ method: 'PATCH', path, contentType, body });
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    };
    const addresses = { podIP: '192.0.2.1', podIPs: [{ ip: '192.0.2.1' }] };
    for (const account of accounts)
      for (const body of [
        { status: addresses },
        { metadata: { labels: { app: 'a' } } },
        { metadata: { annotations: { a: 'b' } } },
      ])
        assert.match((await patched(account, body)) ?? 'admitted', /\(rule pod-status,/);
    const conditions = [{ type: 'example.com/gate', status: 'True' }];
    assert.equal(await patched(accounts[0]!, { status: { conditions } }), undefined);
  });

  it('lets no tenant delete a pod in such a way that it goes on for years', async () => {
    const reference = ref('v1', 'Pod', 'deleted', namespace);
    const spec = { containers: [{ name: 'app', image: 'vcdemo.invalid/app:1' }] };
    await create(api.cluster, { ...reference, spec } as Manifest);
    // Before it has one, Kubernetes deletes it at once, whatever the grace period.
    await waitFor('a node for the pod', async () => (await read<V1Pod>(api.cluster, reference))?.spec?.nodeName);
    const path = await pathOf(api.cluster, reference);
    const deleted = async (client: Cluster, gracePeriodSeconds?: number): Promise<string | undefined> => {
      // Kubernetes ignores the query of a request that has a body.
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds, dryRun: ['All'] };
      try {
        await client.request({ method: 'DELETE', path, query: { dryRun: 'All' }, body });
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    };
    assert.equal(await deleted(api.cluster, 315_360_000), undefined);
    for (const account of accounts) {
      assert.match((await deleted(as.get(account)!, 315_360_000)) ?? 'admitted', /\(rule grace-period,/);
      for (const seconds of [undefined, 0, 120]) assert.equal(await deleted(as.get(account)!, seconds), undefined);
    }
  });
});

interface PolicySpec {
  matchConstraints: object;
}

const withNamespace = (spec: PolicySpec, name: string): object => ({
  ...spec,
  matchConstraints: {
    ...spec.matchConstraints,
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
  },
});

/** What an API server may refuse by itself, before it evaluates a policy. */
const refusedElsewhere: Partial<Record<string, RegExp>> = {
  'runtime-class': /RuntimeClass "\w+" not found/,
};

/** An API server drops fields whose feature gate is off, and has no kinds whose CRD is missing: nothing to refuse. */
const withoutField = 'without a field';

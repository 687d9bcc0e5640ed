import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { demoConfig } from '../../../../src/config/schema.js';
import { ApiError } from '../../../../src/k8s/client/api-errors.js';
import type { Cluster } from '../../../../src/k8s/client/cluster.js';
import { dryRunSidecar, sidecarPod } from '../../../../src/k8s/mesh/sidecar-dry-run.js';

const config = demoConfig.parse({});
const withOperator = (operator: object) => demoConfig.parse({ istio: { operator } });
const refused = (reason: string, status = 403) =>
  new ApiError('host', status, '', `host: pods "vcdemo-sidecar-dry-run" is forbidden: ${reason}`);

/** A host cluster that gives these answers to creates, in order, and accepts all further ones. */
function hostThatAnswers(...answers: ApiError[]): Cluster & { asked: object[] } {
  const asked: object[] = [];
  return {
    asked,
    discovered: new Map([['v1', Promise.resolve([{ kind: 'Pod', name: 'pods', namespaced: true }])]]),
    request: async ({ body, query }: { body: object; query: { dryRun: string } }) => {
      assert.equal(query.dryRun, 'All', 'nothing is made');
      asked.push(body);
      const answer = answers.shift();
      if (answer) throw answer;
      return body;
    },
  } as unknown as Cluster & { asked: object[] };
}
const dryRun = (...answers: ApiError[]) =>
  dryRunSidecar(hostThatAnswers(...answers), config, 'demo-vc1', new AbortController().signal);

describe('the dry run of a sidecar', () => {
  it('tests what a real pod will be, with its resources', () => {
    const operator = {
      values: { global: { proxy: { resources: { requests: { cpu: '10m' }, limits: { cpu: '1' } } } } },
    };
    const helloworld = { resources: { requests: { cpu: '20m' } } };
    const { spec } = sidecarPod('demo-vc1', demoConfig.parse({ istio: { operator }, helloworld }));
    const [init] = spec.initContainers;
    const [app, proxy] = spec.containers;
    assert.equal(init!.name, 'istio-init');
    assert.deepEqual(init!.securityContext.capabilities, { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] });
    assert.deepEqual(app!.resources, { requests: { cpu: '20m' } });
    for (const { resources } of [init!, proxy!])
      assert.deepEqual(resources, {
        requests: { cpu: '10m', memory: '128Mi' },
        limits: { cpu: '1', memory: '1024Mi' },
      });
  });

  it("tests no NET_ADMIN if the host cluster's Istio CNI does the work, however it is enabled", () => {
    for (const operator of [
      { values: { pilot: { cni: { enabled: true } } } },
      { values: { istio_cni: { enabled: true } } },
      { components: { cni: { enabled: true } } },
    ]) {
      const pod = sidecarPod('demo-vc1', withOperator(operator));
      assert.doesNotMatch(JSON.stringify(pod), /NET_ADMIN|"runAsUser":0/, JSON.stringify(operator));
      assert.equal(pod.spec.initContainers[0]!.name, 'istio-validation');
    }
    const off = { components: { cni: { enabled: true } }, values: { pilot: { cni: { enabled: false } } } };
    assert.match(JSON.stringify(sidecarPod('demo-vc1', withOperator(off))), /NET_ADMIN/);
  });

  it('succeeds if the pod may be created', () => dryRun());

  it('asks for the pods of both samples, with the resources of each', async () => {
    const host = hostThatAnswers();
    const sized = demoConfig.parse({ sleep: { resources: { limits: { memory: '3Gi' } } } });
    await dryRunSidecar(host, sized, 'demo-vc1', new AbortController().signal);
    const apps = host.asked.map((pod) => (pod as ReturnType<typeof sidecarPod>).spec.containers[0]!);
    assert.deepEqual(apps, [
      { name: 'helloworld', image: config.images.helloworldV1, resources: config.helloworld.resources },
      { name: 'sleep', image: config.images.sleep, resources: { limits: { memory: '3Gi' } } },
    ]);
  });

  const causes: [string, ApiError, RegExp][] = [
    ['Pod Security', refused('violates PodSecurity "baseline:latest": non-default capabilities'), /namespace\.labels/],
    [
      'a quota',
      refused('exceeded quota: small, requested: requests.cpu=110m, used: requests.cpu=1, limited: requests.cpu=1'),
      /ResourceQuota of the namespace is used up/,
    ],
    [
      'a quota that wants limits',
      refused('failed quota: q: must specify limits.memory for: helloworld'),
      /LimitRange with defaults/,
    ],
    [
      'a LimitRange',
      refused('maximum cpu usage per Container is 1, but limit is 2'),
      /LimitRange of the namespace does not allow/,
    ],
    ['OpenShift', refused('unable to validate against any security context constraint: []'), /add-scc-to-group/],
    [
      'Gatekeeper',
      refused('admission webhook "validation.gatekeeper.sh" denied the request: [psp-capabilities] no'),
      /exempt_images: \[docker\.io\/istio\/proxyv2:1\.30\.0\]/,
    ],
    ['Kyverno', refused('admission webhook "validate.kyverno.svc-fail" denied the request: no', 400), /Kyverno policy/],
    [
      'a policy of the API server',
      refused("ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no", 422),
      /ValidatingAdmissionPolicy named above refuses it/,
    ],
    [
      'sizes that contradict each other',
      new ApiError(
        'host',
        422,
        'Invalid',
        'host: Pod "vcdemo-sidecar-dry-run" is invalid: spec.containers[0].resources.requests: Invalid value: "64Mi": must be less than or equal to memory limit of 32Mi',
      ),
      /helloworld\.resources.*LimitRange/,
    ],
    [
      'Kyverno in a demo that is called like another engine',
      new ApiError(
        'host',
        400,
        '',
        'host: admission webhook "validate.kyverno.svc-fail" denied the request: no (POST /api/v1/namespaces/gatekeeper-vc1/pods: 400)',
      ),
      /Kyverno policy/,
    ],
    ['something unknown', refused('computer says no'), /proxyv2:1\.30\.0 or the namespace exempted/],
  ];
  for (const [cause, answer, hint] of causes)
    it(`names the remedy for ${cause}`, async () => {
      await assert.rejects(dryRun(answer), { code: 'admission-refuses', hint });
    });

  it('waits until a new quota is counted', async () => {
    const uncounted = () => refused('status unknown for quota: small, resources: limits.cpu');
    await dryRun(uncounted(), uncounted());
  });

  it('passes on that the worker is missing a permission', async () => {
    const answer = new ApiError('host', 403, 'Forbidden', 'pods is forbidden: User "w" cannot create resource "pods"');
    await assert.rejects(dryRun(answer), answer);
  });
});

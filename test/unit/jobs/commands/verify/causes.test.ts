import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findCauses } from '../../../../../src/jobs/commands/verify/causes.js';
import { checkNames, checkPair, type HostFacts } from '../../../../../src/jobs/commands/verify/checks.js';
import type { Direction } from '../../../../../src/jobs/commands/verify/measure.js';
import { evenly } from '../../../../../src/jobs/commands/verify/shares.js';
import { judge } from '../../../../../src/jobs/commands/verify/verdict.js';
import type { Fact } from '../../../../../src/k8s/fact.js';
import type { ClusterFacts, MeshPod } from '../../../../../src/k8s/mesh/mesh-facts.js';
import type { MeshRule } from '../../../../../src/k8s/mesh/mesh-rules.js';
import type { Run } from '../../../../../src/k8s/mesh/traffic.js';

const now = new Date('2026-01-01T00:00:00Z');
const later = new Date('2026-06-01T00:00:00Z');
const seen = <Value>(value: Value): Fact<Value> => ({ value });

const peerIdentity = 'spiffe://cluster.local/ns/sample/sa/default';
const ips = { vc1: '10.0.0.1', vc2: '10.0.0.2' };
const addresses = { vc1: 'https://10.96.0.1:443', vc2: 'https://10.96.0.2:443' };

function pod(app: string, ip: string, fields: Partial<MeshPod> = {}): MeshPod {
  return {
    ...{ name: `${app}-abc`, app, version: '', labels: { app }, ip, hasSidecar: true, sidecarVersion: '1.31.0' },
    ...fields,
  };
}

/** A healthy cluster. */
function good(name: 'vc1' | 'vc2', fields: Partial<ClusterFacts> = {}): ClusterFacts {
  const other = name === 'vc1' ? 'vc2' : 'vc1';
  const endpoints = Object.values(ips).map((ip) => ({ address: `${ip}:5000`, isHealthy: true }));
  return {
    name,
    api: seen(true as const),
    istiod: seen({ holds: true }),
    istiodVersion: seen('1.31.0'),
    kubernetes: seen('v1.33.1'),
    injection: seen(true),
    pods: seen([pod('sleep', '10.0.1.1'), pod('helloworld', ips[name])]),
    service: seen({ selector: { app: 'helloworld' }, ports: [5000] }),
    authority: seen({ root: 'a'.repeat(64), rootEnds: later, intermediateEnds: later }),
    remoteSecrets: seen([{ cluster: other, server: addresses[other], isAuthority: true }]),
    remoteStates: seen({ [other]: 'synced' }),
    rules: seen([]),
    peer: seen({ pod: 'helloworld-abc', isReached: true, identity: peerIdentity, isOfRoot: true }),
    proxies: seen([{ name: 'sleep-abc.sample', stale: [] }]),
    gateways: seen([{ name: 'istio-ingressgateway-abc', problem: undefined }]),
    sidecar: seen({
      endpoints,
      certificate: { identity: 'spiffe://cluster.local/ns/sample/sa/sleep', ends: later },
      transport: { peers: [peerIdentity] },
    }),
    ...fields,
  };
}

const run = (versions: Record<string, number>, errors: Record<string, number> = {}): Run => ({
  requests: Object.values({ ...versions, ...errors }).reduce((sum, count) => sum + count, 0),
  versions,
  instances: {},
  errors,
  times: [],
  timesByVersion: {},
});

function direction(from: string, versions: Record<string, number>, errors?: Record<string, number>): Direction {
  return {
    from,
    traffic: { parallel: run({}), sequential: run(versions, errors), endpoints: undefined, retries: undefined },
  };
}

interface Broken {
  vc1?: Partial<ClusterFacts>;
  vc2?: Partial<ClusterFacts>;
  host?: Partial<HostFacts>;
  /** What requests from vc1 are answered by; by default v1 only. */
  traffic?: Direction;
}

function causesOf({ vc1, vc2, host, traffic = direction('vc1', { v1: 96 }) }: Broken) {
  const pair = [good('vc1', vc1), good('vc2', vc2)] as const;
  const directions = [traffic, direction('vc2', { v1: 12, v2: 12 })];
  const findings = checkPair(pair, { apiAddresses: addresses, kubeconfig: seen({ ends: later }), ...host }, now);
  const verdict = judge(directions, evenly);
  return findCauses({ demo: 'demo', findings, pair, directions, verdict });
}

const namesOf = (broken: Broken) => causesOf(broken).map(({ name }) => name);
const failing = (error: string) => direction('vc1', { v1: 10 }, { [error]: 1 });
const rule = (kind: MeshRule['kind'], effect: string, more: Partial<MeshRule> = {}) =>
  seen([{ kind, name: 'mine', namespace: 'sample', effect, ...more } satisfies MeshRule]);
const remote = (fields: object) => seen([{ cluster: 'vc2', server: addresses.vc2, isAuthority: true, ...fields }]);
const sidecar = (...endpoints: string[]) =>
  seen({ endpoints: endpoints.map((address) => ({ address, isHealthy: true })), certificate: undefined });

describe('where the mesh does not work, the cause is found', () => {
  const cases: [string, string, Broken, RegExp][] = [
    [
      'of an API that does not answer',
      'a virtual cluster is down',
      { vc2: { api: { problem: 'refused' } } },
      /vc2: .*refused/,
    ],
    [
      'of an expired client certificate',
      'the client certificate has expired',
      { host: { kubeconfig: seen({ ends: new Date('2025-12-31T23:00:00Z') }) } },
      /expired at 2025-12-31 23:00 UTC/,
    ],
    [
      'of a kubeconfig that no API accepts any more',
      "the demo's kubeconfig is out of date",
      { host: { kubeconfig: seen({ kubeconfigProblem: 'it is missing' }) } },
      /vc1: the kubeconfig does not work: it is missing/,
    ],
    [
      'of an istiod that is not ready',
      'istiod is down',
      { vc2: { istiod: seen({ holds: false, seen: 'scaled to 0' }) } },
      /vc2: istiod is not ready: scaled to 0/,
    ],
    [
      'of different roots',
      'the clusters have different root CAs',
      { vc2: { authority: seen({ root: 'b'.repeat(64), rootEnds: later, intermediateEnds: later }) } },
      /its root CA differs from vc2's \(SHA-256 a{12}…, b{12}…\)/,
    ],
    [
      'of an istiod that works with a root of its own',
      'the clusters have different root CAs',
      {
        vc2: {
          authority: seen({
            ...{ root: 'a'.repeat(64), otherRoot: 'b'.repeat(64) },
            ...{ rootEnds: later, intermediateEnds: later },
          }),
        },
      },
      /vc2: istiod uses another root CA than that of Secret cacerts \(SHA-256 b{12}…, a{12}…\)/,
    ],
    [
      'of an expired CA',
      'a CA of the mesh has expired, or expires within a day',
      { vc1: { authority: seen({ root: 'a'.repeat(64), rootEnds: later, intermediateEnds: now }) } },
      /vc1: the intermediate CA expired/,
    ],
    [
      'of a remote secret that is missing',
      'a remote secret is missing',
      { vc1: { remoteSecrets: seen([]) } },
      /istiod in vc1 has no remote secret for vc2/,
    ],
    [
      'of a CA that was changed',
      "a cluster's CA was changed",
      { vc1: { remoteSecrets: remote({ isAuthority: false, refused: 'HTTP 401' }) } },
      /CA is not the one that vc2's API uses now/,
    ],
    [
      'of a remote secret with the wrong address',
      'a remote secret has the wrong address',
      { vc1: { remoteSecrets: remote({ server: 'https://dead:443' }) } },
      /names https:\/\/dead:443, but the API of vc2 is at https:\/\/10\.96\.0\.2:443/,
    ],
    [
      "of a remote secret's token",
      "a remote secret's token is not accepted",
      { vc1: { remoteSecrets: remote({ refused: 'HTTP 401' }) } },
      /does not accept the remote secret's token: HTTP 401/,
    ],
    [
      'of a namespace without the label',
      'the namespace is not labelled for injection',
      { vc2: { injection: seen(false) } },
      /vc2: the namespace is not labelled/,
    ],
    [
      'of pods without sidecars',
      'pods have no sidecar',
      { vc2: { pods: seen([pod('sleep', '1'), pod('helloworld', ips.vc2, { hasSidecar: false })]) } },
      /vc2: no sidecar in helloworld-abc/,
    ],
    [
      'of a sleep that is missing',
      'sleep is missing',
      {
        vc1: { pods: seen([pod('helloworld', ips.vc1)]), sidecar: { problem: 'no sleep' } },
        traffic: { from: 'vc1', problem: 'there is no ready sleep pod in vc1' },
      },
      /vc1: no pod of sleep/,
    ],
    [
      'of a version that is scaled to 0',
      'a version of helloworld is not running',
      { vc2: { pods: seen([pod('sleep', '1')]) } },
      /vc2: no pod of helloworld/,
    ],
    [
      'of a Service that is missing',
      'the Service is missing in one cluster',
      { vc2: { service: seen(undefined) } },
      /vc2: the Service helloworld is missing/,
    ],
    [
      'of a Service that selects other pods',
      'the Service does not point to the pods of helloworld',
      { vc2: { service: seen({ selector: { app: 'hello' }, ports: [5000] }) } },
      /vc2: the selector of the Service helloworld \(app=hello\) does not select helloworld-abc/,
    ],
    [
      'of a Service without the port',
      'the Service does not point to the pods of helloworld',
      { vc2: { service: seen({ selector: { app: 'helloworld' }, ports: [80] }) } },
      /vc2: the Service helloworld has no port 5000/,
    ],
    [
      'of a rule that answers with errors',
      'a rule makes requests fail or wait',
      {
        vc1: {
          rules: rule('VirtualService', 'routes to helloworld', { disturbs: 'answers 50 % with HTTP 500 itself' }),
        },
        traffic: failing('HTTP 500: fault filter abort'),
      },
      /^vc1: VirtualService sample\/mine answers 50 % with HTTP 500 itself$/,
    ],
    [
      'of a rule that delays requests until they time out, which is not the network',
      'a rule makes requests fail or wait',
      {
        vc1: {
          rules: rule('VirtualService', 'routes to helloworld', { disturbs: 'delays 100 % by 7s (fault)' }),
          peer: seen({ pod: 'helloworld-abc', isReached: undefined }),
        },
        traffic: failing('Operation timed out after 5001 milliseconds'),
      },
      /^vc1: VirtualService sample\/mine delays 100 % by 7s \(fault\)$/,
    ],
    [
      'of a limit that is reached, which is not the network',
      'a rule makes requests fail or wait',
      {
        vc1: { rules: rule('DestinationRule', 'defines subsets', { limits: 'limits connections (connectionPool)' }) },
        traffic: failing('HTTP 503: upstream connect error or disconnect/reset before headers. reset reason: overflow'),
      },
      /^vc1: DestinationRule sample\/mine limits connections \(connectionPool\)$/,
    ],
    [
      'of an AuthorizationPolicy',
      'an AuthorizationPolicy denies the requests',
      {
        vc2: { rules: rule('AuthorizationPolicy', 'denies what its rules match') },
        traffic: failing('HTTP 403: RBAC: access denied'),
      },
      /vc2: AuthorizationPolicy sample\/mine denies what its rules match/,
    ],
    [
      'of a rule that pins a subset',
      'a rule routes the requests elsewhere',
      { vc1: { rules: rule('VirtualService', 'routes to subset v1') } },
      /vc1: VirtualService sample\/mine routes to subset v1/,
    ],
    [
      'of a rule that prefers a locality',
      'a rule routes the requests elsewhere',
      { vc1: { rules: rule('DestinationRule', 'prefers endpoints by their locality (localityLbSetting)') } },
      /localityLbSetting/,
    ],
    [
      'of an istiod that is stuck after a corrected secret',
      'istiod has not synced with the other cluster',
      { vc1: { sidecar: sidecar('10.0.0.1:5000'), remoteStates: seen({ vc2: 'timeout' }) } },
      /vc1: the sidecar of sleep does not know helloworld-abc/,
    ],
    [
      'of a dead endpoint, though istiod says that it is synced',
      'a sidecar does not know the pods of the other cluster',
      { vc1: { sidecar: sidecar('10.0.0.1:5000', '10.0.0.2:5000', '10.0.0.9:5000') } },
      /vc1: the sidecar of sleep has endpoints without a pod: 10\.0\.0\.9/,
    ],
    [
      'of a NetworkPolicy of the host',
      'a NetworkPolicy in the host cluster blocks traffic between the two virtual clusters',
      {
        host: { cutBy: { vc1: seen(['demo-vc2/deny (ingress)']), vc2: seen([]) } },
        vc1: { peer: seen({ pod: 'helloworld-abc', isReached: false, problem: 'no answer within 4 s' }) },
        traffic: failing('Operation timed out after 5001 milliseconds'),
      },
      /vc1: NetworkPolicy demo-vc2\/deny \(ingress\) in the host cluster blocks requests to vc2/,
    ],
    [
      'of a cut that open connections survive',
      'the network between the clusters is interrupted',
      { vc1: { peer: seen({ pod: 'helloworld-abc', isReached: false, problem: 'no answer within 4 s' }) } },
      /vc1: a new connection from sleep does not reach helloworld-abc of vc2: no answer within 4 s/,
    ],
    [
      'of a peer with an identity that the sidecar does not expect',
      'mTLS between the clusters fails',
      {
        vc1: {
          peer: seen({ pod: 'helloworld-abc', isReached: true, identity: 'spiffe://evil/ns/a/sa/b', isOfRoot: true }),
        },
      },
      /vc1: helloworld-abc of vc2 presents spiffe:\/\/evil\/ns\/a\/sa\/b, but the sidecar of sleep expects spiffe:\/\/cluster\.local/,
    ],
    [
      'of requests without mTLS',
      'mTLS between the clusters fails',
      { vc1: { sidecar: seen({ ...good('vc1').sidecar.value!, transport: { peers: [] } }) } },
      /vc1: the sidecar of sleep sends its requests to helloworld without mTLS/,
    ],
    [
      'of a proxy that has not taken what istiod sent',
      'a proxy is not in sync with istiod',
      { vc2: { proxies: seen([{ name: 'sleep-abc.sample', stale: ['endpoint', 'route'] }]) } },
      /vc2: not in sync with istiod: sleep-abc\.sample \(endpoint, route\)/,
    ],
    [
      'of a network that is cut',
      'the network between the clusters is interrupted',
      {
        vc1: { peer: seen({ pod: 'helloworld-abc', isReached: undefined, problem: 'nc: not found' }) },
        traffic: failing('Operation timed out after 5001 milliseconds'),
      },
      /from vc1: Operation timed out/,
    ],
    [
      'of a sidecar with the wrong version',
      'a sidecar has the wrong version',
      { vc2: { pods: seen([pod('sleep', '1'), pod('helloworld', ips.vc2, { sidecarVersion: '1.28.1' })]) } },
      /vc2: istiod is 1\.31\.0, but there are sidecars of 1\.28\.1/,
    ],
    [
      'of a Kubernetes that Istio does not support',
      'Istio does not support this version of Kubernetes',
      { vc2: { kubernetes: seen('v1.27.3+k3s1') } },
      /vc2: Istio 1\.31 supports Kubernetes 1\.32 to 1\.36, but this is v1\.27\.3\+k3s1/,
    ],
  ];
  for (const [topic, name, broken, evidence] of cases)
    test(topic, () => {
      const [first, ...more] = causesOf(broken);
      assert.equal(first?.name, name);
      assert.match(first!.evidence.join('\n'), evidence);
      assert.notEqual(first!.remedy.text, '');
      assert.deepEqual(more, []);
    });

  test('of STRICT mTLS and pods without sidecars, both', () => {
    const bare = seen([pod('sleep', '1', { hasSidecar: false }), pod('helloworld', ips.vc1)]);
    assert.deepEqual(
      namesOf({
        vc1: { pods: bare },
        vc2: { rules: rule('PeerAuthentication', 'refuses requests without mTLS') },
        traffic: failing('Recv failure: Connection reset by peer'),
      }),
      ['pods have no sidecar', 'PeerAuthentication refuses pods without a sidecar'],
    );
  });

  test('of two that have nothing to do with each other, both', () => {
    assert.deepEqual(namesOf({ vc1: { remoteSecrets: seen([]) }, vc2: { service: seen(undefined) } }), [
      'a remote secret is missing',
      'the Service is missing in one cluster',
    ]);
  });

  test('of a rule that keeps a version out, even while a policy denies every request', () => {
    const pinned = { kind: 'VirtualService' as const, name: 'pin', namespace: 'sample', effect: 'routes to subset v1' };
    const denied = direction('vc1', {}, { 'HTTP 403: RBAC: access denied': 1 });
    assert.deepEqual(
      namesOf({
        vc1: { rules: seen([{ ...pinned, weights: { v1: 100 } }]) },
        vc2: { rules: rule('AuthorizationPolicy', 'denies what its rules match') },
        traffic: denied,
      }),
      ['an AuthorizationPolicy denies the requests', 'a rule routes the requests elsewhere'],
    );
  });

  test('of an expired client certificate and of what the mesh has, both: one says nothing about the other', () => {
    assert.deepEqual(
      namesOf({
        host: { kubeconfig: seen({ ends: new Date('2025-12-31T23:00:00Z') }) },
        vc1: { sidecar: sidecar('10.0.0.1:5000') },
      }),
      ['the client certificate has expired', 'a sidecar does not know the pods of the other cluster'],
    );
  });

  test('of a namespace that lost its label while all pods have sidecars, and of an interrupted network, both', () => {
    assert.deepEqual(
      namesOf({
        vc1: {
          injection: seen(false),
          peer: seen({ pod: 'helloworld-abc', isReached: false, problem: 'no answer within 4 s' }),
        },
      }),
      ['the namespace is not labelled for injection', 'the network between the clusters is interrupted'],
    );
  });

  test('that requests time out is not blamed on a network that lets a new connection through', () =>
    assert.deepEqual(causesOf({ traffic: failing('Operation timed out after 5001 milliseconds') }), []));

  test('and a rule that only sends requests to helloworld is not named', () =>
    assert.deepEqual(causesOf({ vc1: { rules: rule('VirtualService', 'routes to helloworld.sample') } }), []));

  test('and pods of somebody else without a sidecar are not', () => {
    const own = good('vc1').pods.value!;
    const debug = pod('debug', '10.0.1.9', { hasSidecar: false });
    assert.deepEqual(causesOf({ vc1: { pods: seen([...own, debug]) } }), []);
  });

  test('and what follows from it is not named', () => {
    assert.deepEqual(
      namesOf({
        vc1: {
          remoteSecrets: remote({ server: 'https://dead:443' }),
          remoteStates: seen({ vc2: 'timeout' }),
          sidecar: sidecar('10.0.0.1:5000'),
        },
      }),
      ['a remote secret has the wrong address'],
    );
  });
});

test('a virtual cluster that somebody scaled to 0 can be started by Repair; one that runs and does not answer cannot', () => {
  const down = { api: { problem: 'refused' } };
  const controlPlane = (name: string, isStopped: boolean) =>
    seen({ workload: `StatefulSet demo-${name}/${name}`, isStopped, vcluster: '0.34.0' });
  const cause = (isStopped: boolean, vc1 = {}) => {
    const controlPlanes = { vc1: controlPlane('vc1', false), vc2: controlPlane('vc2', isStopped) };
    return causesOf({ vc1, vc2: down, host: { controlPlanes } })[0]!;
  };
  const { name, evidence, isRepairable, starts } = cause(true);
  assert.deepEqual([name, isRepairable, starts], ['a virtual cluster is down', true, true]);
  assert.equal(evidence.at(-1), 'vc2: StatefulSet demo-vc2/vc2 in the host cluster is scaled to 0');
  assert.equal(cause(false).isRepairable, false);
  assert.equal(cause(true, down).isRepairable, false, 'the other one is down for another reason');
});

test('no cause is invented where nothing explains it', () => assert.deepEqual(causesOf({}), []));

describe('where requests are answered', () => {
  const traffic = direction('vc1', { v1: 12, v2: 12 });

  test('a remote secret that is missing is named: istiod may keep what it knows until it restarts', () =>
    assert.deepEqual(
      causesOf({ vc1: { remoteSecrets: seen([]) }, traffic }).map(({ name, isRepairable }) => [name, isRepairable]),
      [['a remote secret is missing', true]],
    ));

  test('a CA of the mesh that expires soon is named: the next sidecar gets no certificate', () => {
    const authority = seen({
      root: 'a'.repeat(64),
      rootEnds: later,
      intermediateEnds: new Date('2026-01-01T05:00:00Z'),
    });
    assert.match(causesOf({ vc1: { authority }, traffic })[0]!.evidence.join(), /expires at 2026-01-01 05:00 UTC/);
  });

  test('what only explains missing answers is not looked for', () =>
    assert.deepEqual(causesOf({ vc1: { sidecar: sidecar('10.0.0.1:5000') }, traffic }), []));
});

test('a rule by whose weights a direction is judged is not blamed for a version that is dead', () => {
  const spread: MeshRule = {
    ...{
      kind: 'VirtualService',
      name: 'canary',
      namespace: 'sample',
      effect: 'routes to subset v1 (90) and subset v2 (10)',
    },
    weights: { v1: 90, v2: 10 },
  };
  const judgedBy = { weights: { v1: 90, v2: 10 }, isStated: true, by: 'VirtualService sample/canary' };
  const vc2 = { pods: seen([pod('sleep', '1')]) };
  const broken = { vc1: { rules: seen([spread]) }, vc2 };
  const traffic = { ...direction('vc1', { v1: 400 }), expectation: judgedBy };
  assert.deepEqual(namesOf({ ...broken, traffic }), ['a version of helloworld is not running']);
  const faulty = { vc1: { rules: seen([{ ...spread, disturbs: 'answers 50 % with HTTP 500 itself (fault)' }]) }, vc2 };
  assert.deepEqual(namesOf({ ...faulty, traffic }), [
    'a version of helloworld is not running',
    'a rule makes requests fail or wait',
  ]);
});

describe('the checks', () => {
  test('of another mesh than a demo leave out what only the host of a demo knows', () => {
    const findings = checkPair([good('vc1'), good('vc2')], undefined, now);
    const left = [
      ...['publicName', 'kubeconfig', 'credentials'],
      ...['networkPolicies', 'dashboards', 'vclusterVersions', 'controlPlane'],
    ];
    assert.deepEqual(
      checkNames.filter((check) => !findings.some((finding) => finding.check === check)),
      checkNames.filter((check) => left.includes(check)),
    );
  });

  test('of a demo look at its dashboards, its vclusters and the life of its tokens', () => {
    const host: HostFacts = {
      ...{ apiAddresses: addresses, kubeconfig: seen({ ends: later }) },
      dashboards: { vc1: seen({ holds: false, seen: 'pod dashboard-abc is Pending' }) },
      controlPlanes: {
        vc1: seen({ workload: 'StatefulSet demo-vc1/vc1', isStopped: false, vcluster: '0.34.0' }),
        vc2: seen({ workload: 'StatefulSet demo-vc2/vc2', isStopped: false, vcluster: '0.33.0' }),
      },
    };
    const vc1 = {
      remoteSecrets: remote({ tokenEnds: new Date('2026-01-01T00:30:00Z') }),
      gateways: seen([{ name: 'a', problem: 'pod a is Pending' }]),
      istiodVersion: seen('1.29.0'),
    };
    const failed = checkPair([good('vc1', vc1), good('vc2')], host, now).filter(({ state }) => state === 'fail');
    assert.deepEqual(
      failed.map(({ check, evidence }) => `${check}: ${evidence}`),
      [
        'tokenLife: the token of the remote secret expires at 2026-01-01 00:30 UTC',
        'gateways: the gateway is not ready: pod a is Pending',
        'dashboards: the Dashboard is not ready: pod dashboard-abc is Pending',
        'versions: istiod is 1.29.0, but there are sidecars of 1.31.0',
        'istiodVersions: istiod is 1.29.0, but 1.31.0 in vc2: they may differ by at most one minor version',
        'vclusterVersions: vcluster is 0.34.0, but 0.33.0 in vc2',
      ],
    );
  });

  test('all pass where all is well', () => {
    const findings = checkPair(
      [good('vc1'), good('vc2')],
      { apiAddresses: addresses, kubeconfig: seen({ ends: later }) },
      now,
    );
    assert.deepEqual(
      findings.filter(({ state }) => state !== 'pass'),
      [],
    );
  });

  test('accept sidecars of the minor version before that of istiod, and none that are newer', () => {
    const versions = (sidecarVersion: string) => {
      const pods = seen([pod('sleep', '1'), pod('helloworld', ips.vc1, { sidecarVersion })]);
      return checkPair([good('vc1', { pods }), good('vc2')], undefined, now).find(({ check }) => check === 'versions');
    };
    assert.equal(versions('1.30.4')?.state, 'pass');
    assert.equal(versions('1.32.0')?.state, 'fail');
  });

  test('do not judge a version of Istio that they do not know', () => {
    const found = checkPair([good('vc1', { istiodVersion: seen('1.99.0') }), good('vc2')], undefined, now);
    assert.equal(found.find(({ check }) => check === 'kubernetes')?.state, 'unknown');
  });

  test('say unknown, not fail, where something could not be read', () => {
    const pair = [good('vc1', { sidecar: { problem: 'no answer within 10 s' } }), good('vc2')] as const;
    const open = checkPair(pair, { apiAddresses: {}, kubeconfig: seen({}) }, now).filter(
      ({ state }) => state !== 'pass',
    );
    assert.deepEqual(
      open.map(({ check, state }) => `${check} ${state}`),
      [
        'credentials unknown',
        'remoteAddress unknown',
        'remoteAddress unknown',
        'endpoints unknown',
        'mtls unknown',
        'identity unknown',
      ],
    );
  });
});

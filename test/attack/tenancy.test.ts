import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { readDemoConfig } from '../../src/config.js';
import {
  asHost,
  asUser,
  copied,
  copyOf,
  demo,
  must,
  namespaceOf,
  syncErrors,
  type Outcome,
  type VirtualCluster,
} from '../support/attack.js';
import { waitFor } from '../support/wait-for.js';

/*
 * A demo's user tries to take more of the host than is meant for a demo, and to talk to what is none of theirs. Each attempt
 * is seen to succeed with the quota, the policies or the small role of vc-client taken away, and to fail with them.
 */

const config = readDemoConfig(process.env.VCDEMO_CONFIG);
const namespace = 'tenancy';
const image = config.images.sleep;
const hostNamespace = namespaceOf('vc1');
const second = 1000;

type Fields = Record<string, unknown>;
const asObject = (text: string) => JSON.parse(text) as Fields;

// ------------------------------------------------------------------ quota

/** Never scheduled, unless said otherwise: that it exists in the host is enough. */
const pod = (name: string, container: Fields = {}, spec: Fields = {}): Fields => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: {
    nodeSelector: { attack: 'nowhere' },
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'app', image, command: ['sleep', '3600'], ...container }],
    ...spec,
  },
});
const claim = (name: string, storage: string): Fields => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
});
const asks = (requests: Fields, limits: Fields = {}): Fields => ({ resources: { requests, limits } });

/** One object that asks for too much. */
const greedy: { what: string; make: (name: string) => Fields }[] = [
  { what: 'a limit of 200 Gi', make: (name) => pod(name, asks({ memory: '64Mi' }, { memory: '200Gi' })) },
  { what: '100 CPUs', make: (name) => pod(name, asks({ cpu: '100' })) },
  { what: '200 Gi of memory', make: (name) => pod(name, asks({ memory: '200Gi' }, { memory: '200Gi' })) },
  {
    what: "a terabyte of the node's disk",
    make: (name) => pod(name, asks({ 'ephemeral-storage': '1Gi' }, { 'ephemeral-storage': '1Ti' })),
  },
  { what: 'a volume of 500 Gi', make: (name) => claim(name, '500Gi') },
];

/** Many objects that ask for little. */
const numerous: { what: string; make: (name: string) => Fields[]; resource: string; many: number; most: string }[] = [
  {
    what: '60 pods',
    make: (name) => [
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name, namespace },
        spec: {
          replicas: 60,
          selector: { matchLabels: { app: name } },
          template: { metadata: { labels: { app: name } }, spec: pod(name).spec },
        },
      },
    ],
    resource: 'pods',
    many: 60,
    most: 'pods',
  },
  {
    what: '10 volumes',
    make: (name) => Array.from({ length: 10 }, (_, index) => claim(`${name}-${index}`, '1Mi')),
    resource: 'persistentvolumeclaims',
    many: 10,
    most: 'persistentvolumeclaims',
  },
  {
    what: '100 ConfigMaps',
    make: (name) => {
      const names = Array.from({ length: 100 }, (_, index) => `${name}-${index}`);
      return [
        ...names.map((each) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: each, namespace } })),
        pod(name, { envFrom: names.map((each) => ({ configMapRef: { name: each } })) }),
      ];
    },
    resource: 'configmaps',
    many: 100,
    most: 'configmaps',
  },
];

/** How many objects of the kind vcluster has copied to the host from the namespace of these tests. */
async function countCopies(resource: string): Promise<number> {
  const selector = `vcluster.loft.sh/namespace=${namespace}`;
  const names = await must(asHost(['-n', hostNamespace, 'get', resource, '-l', selector, '-o', 'name']));
  return names.split('\n').filter(Boolean).length;
}

/** The first resource of which more than half of the quota is used. */
async function scarceIn(cluster: VirtualCluster): Promise<string | undefined> {
  const quota = JSON.parse(
    await must(asHost(['-n', namespaceOf(cluster), 'get', 'resourcequota', 'vcdemo', '-o', 'json'])),
  ) as { status: { hard: Record<string, string>; used: Record<string, string> } };
  const { hard, used } = quota.status;
  const scarce = Object.keys(hard).find(
    (resource) => 2 * amountOf(used[resource] ?? '0') > amountOf(hard[resource] ?? '0'),
  );
  return scarce && `${cluster}: ${scarce} ${used[scarce]} of ${hard[scarce]}`;
}

const list = (items: Fields[]) => ({ apiVersion: 'v1', kind: 'List', items });
const create = (...objects: Fields[]) => must(asUser('vc1', ['create', '-f', '-'], list(objects)));
const remove = (...objects: Fields[]) =>
  asUser('vc1', ['delete', '--ignore-not-found', '--force', '--wait=false', '-f', '-'], list(objects));
const subject = ({ kind, metadata }: Fields) => ({
  kind: kind as string,
  name: (metadata as { name: string }).name,
  namespace,
});

/** Takes the quota and the LimitRange away; answers with how to restore them. */
async function withoutQuota(): Promise<() => Promise<void>> {
  const saved: Fields[] = [];
  for (const kind of ['limitrange', 'resourcequota']) {
    const { apiVersion, kind: own, metadata, spec } = asObject(await hostObject(kind, 'vcdemo'));
    const { name, namespace: place, labels, annotations } = metadata as Record<string, unknown>;
    saved.push({ apiVersion, kind: own, metadata: { name, namespace: place, labels, annotations }, spec });
    await must(asHost(['-n', hostNamespace, 'delete', kind, 'vcdemo']));
  }
  return async () => {
    await must(
      asHost(['apply', '--server-side', '--force-conflicts', '--field-manager=vcdemo', '-f', '-'], list(saved)),
    );
    await waitFor('the quota to be counted', async () => {
      const { spec, status } = asObject(await hostObject('resourcequota', 'vcdemo')) as {
        spec: { hard: Record<string, string> };
        status?: { hard?: Record<string, string> };
      };
      return Object.entries(spec.hard).every(([key, amount]) => status?.hard?.[key] === amount);
    });
  };
}

const hostObject = (kind: string, name: string) => must(asHost(['-n', hostNamespace, 'get', kind, name, '-o', 'json']));

describe('what a demo takes of the host', () => {
  before(async () => {
    await must(asUser('vc1', ['create', 'namespace', namespace]));
  });
  after(() => asUser('vc1', ['delete', 'namespace', namespace, '--wait=false']));

  it('leaves room to roll everything out again, with the quota', async () => {
    for (const cluster of ['vc1', 'vc2'] as const) {
      let scarce: string | undefined;
      // What other attacks have left may still be on its way out.
      await waitFor(
        'a quota of which at most half is used',
        async () => (scarce = await scarceIn(cluster)) === undefined,
        { withinMs: 120 * second, everyMs: second, seen: () => scarce },
      );
    }
  });

  describe('without a quota', () => {
    let restore: () => Promise<void>;
    before(async () => (restore = await withoutQuota()));
    after(() => restore());

    for (const [index, { what, make }] of greedy.entries())
      it(`is ${what}`, async () => {
        const object = make(`off-${index}`);
        try {
          await create(object);
          await copied('vc1', subject(object));
        } finally {
          await remove(object);
        }
      });

    for (const [index, { what, make, resource, many }] of numerous.entries())
      it(`is ${what}`, async () => {
        const objects = make(`off-many-${index}`);
        try {
          await create(...objects);
          await waitFor(what, async () => (await countCopies(resource)) >= many, { withinMs: 180 * second });
        } finally {
          await remove(...objects);
          await waitFor('nothing to be left', async () => (await countCopies(resource)) === 0, {
            withinMs: 180 * second,
          });
        }
      });

    it('is all memory of the node in a container that sets no limit', async () => {
      const object = pod('off-unlimited');
      await create(object);
      const { spec } = (await copied('vc1', subject(object))) as { spec: { containers: { resources: Fields }[] } };
      await remove(object);
      assert.equal(JSON.stringify(spec.containers[0]!.resources).includes('memory'), false);
    });
  });

  describe('with the quota', () => {
    for (const [index, { what, make }] of greedy.entries())
      it(`is not ${what}, and the user reads why`, async () => {
        const object = make(`on-${index}`);
        try {
          await create(object);
          await waitFor(
            'the refusal',
            async () => /exceeded quota: vcdemo/.test(await syncErrors('vc1', subject(object))),
            {
              withinMs: 60 * second,
              everyMs: second,
            },
          );
          assert.equal(await copyOf('vc1', subject(object)), undefined);
        } finally {
          await remove(object);
        }
      });

    for (const [index, { what, make, resource, many, most }] of numerous.entries())
      it(`is not ${what}`, async () => {
        const objects = make(`on-many-${index}`);
        try {
          await create(...objects);
          await waitFor(
            'the refusal',
            async () =>
              /exceeded quota: vcdemo/.test(
                await must(asUser('vc1', ['-n', namespace, 'get', 'events', '-o', 'json'])),
              ),
            { withinMs: 120 * second, everyMs: second },
          );
          const { status } = asObject(await hostObject('resourcequota', 'vcdemo')) as {
            status: { hard: Record<string, string>; used: Record<string, string> };
          };
          assert.ok(amountOf(status.used[most]!) <= amountOf(status.hard[most]!));
          assert.ok((await countCopies(resource)) < many);
        } finally {
          await remove(...objects);
          await waitFor('nothing to be left', async () => (await countCopies(resource)) === 0, {
            withinMs: 180 * second,
          });
          await asUser('vc1', ['-n', namespace, 'delete', 'events', '--all']);
        }
      });

    it('is limited in a container that sets no limit', async () => {
      const object = pod('on-unlimited');
      await create(object);
      const { spec } = (await copied('vc1', subject(object))) as {
        spec: { containers: { resources: { limits?: Record<string, string> } }[] };
      };
      await remove(object);
      assert.ok(spec.containers[0]!.resources.limits?.memory);
    });
  });
});

/** Kubernetes' notation of a number. */
function amountOf(quantity: string): number {
  const [, digits, unit = ''] = /^([\d.]+)(\w*)$/.exec(quantity)!;
  const powers = ['', 'k', 'M', 'G', 'T'];
  const factor =
    unit === 'm'
      ? 1e-3
      : unit.endsWith('i')
        ? 1024 ** powers.indexOf(unit[0]!.replace('K', 'k'))
        : 1000 ** powers.indexOf(unit);
  return Number(digits) * factor;
}

// ------------------------------------------------------------------ network

/** A namespace of somebody else in the host cluster: a pod that serves and can ask. */
const others = `${demo}-others`;
const enforced = await policiesAreEnforced();

describe(
  'whom a demo talks to',
  { skip: enforced ? false : 'this host cluster does not enforce NetworkPolicies' },
  () => {
    const pods = {
      plain: {},
      client: { app: 'vc-client' },
      'control-plane': { app: 'vcluster', release: 'vc1', 'vcdemo.io/virtual-cluster': '' },
    } as const;
    let addresses: Addresses;

    before(async () => {
      await must(asUser('vc1', ['create', 'namespace', 'network']));
      await startOthers();
      for (const [name, labels] of Object.entries(pods))
        await must(asUser('vc1', ['create', '-f', '-'], askingPod(name, labels)));
      await must(asUser('vc1', ['-n', 'network', 'wait', 'pod', '--all', '--for=condition=Ready', '--timeout=120s']));
      addresses = await lookUp();
    });
    after(async () => {
      await asUser('vc1', ['delete', 'namespace', 'network', '--wait=false']);
      await asHost(['delete', 'namespace', others, '--wait=false']);
    });

    /** Whether a pod of the tenant's reaches an address: any answer counts, if only that of a handshake. */
    const reachesFrom = (name: keyof typeof pods, url: string) =>
      reached(asUser('vc1', ['-n', 'network', 'exec', name, '--', ...curl(url)]));
    const othersReach = (url: string) => reached(asHost(['-n', others, 'exec', 'asking', '--', ...curl(url)]));

    const fromDemo: { what: string; from: keyof typeof pods; url: (known: Addresses) => string }[] = [
      { what: "another namespace's pod", from: 'plain', url: ({ others: pod }) => `http://${pod}:5000/hello` },
      {
        what: "another namespace's Service",
        from: 'plain',
        url: ({ othersService }) => `http://${othersService}:5000/hello`,
      },
      { what: "the host's API server", from: 'plain', url: ({ apiServer }) => `https://${apiServer}/version` },
      {
        what: "the host's API by its Service",
        from: 'plain',
        url: ({ apiService }) => `https://${apiService}/version`,
      },
      {
        what: "the host's API, labelled as vc-client",
        from: 'client',
        url: ({ apiServer }) => `https://${apiServer}/version`,
      },
      {
        what: "the host's API, labelled as the control plane",
        from: 'control-plane',
        url: ({ apiServer }) => `https://${apiServer}/version`,
      },
      { what: 'the kubelet of a node', from: 'plain', url: ({ node }) => `https://${node}:10250/healthz` },
    ];
    const toDemo: { what: string; url: (known: Addresses) => string }[] = [
      { what: "a demo's app", url: ({ app }) => `http://${app.vc1}:5000/hello` },
      { what: "a virtual cluster's API", url: ({ api }) => `https://${api}:8443/version` },
    ];

    describe("with the source document's policy", () => {
      before(() => switchPolicies('document'));
      after(() => switchPolicies('pair'));
      for (const { what, from, url } of fromDemo)
        it(`reaches ${what}`, async () => {
          await eventually(() => reachesFrom(from, url(addresses)), true);
        });
      for (const { what, url } of toDemo)
        it(`lets others reach ${what}`, async () => {
          await eventually(() => othersReach(url(addresses)), true);
        });
    });

    describe('with the policies of the pair', () => {
      before(() => eventually(() => reachesFrom('plain', `http://${addresses.others}:5000/hello`), false));
      for (const { what, from, url } of fromDemo)
        it(`does not reach ${what}`, async () => assert.equal(await reachesFrom(from, url(addresses)), false));
      for (const { what, url } of toDemo)
        it(`does not let others reach ${what}`, async () => assert.equal(await othersReach(url(addresses)), false));

      it('reaches the other virtual cluster, in both directions', async () => {
        assert.equal(await reachesFrom('plain', `http://${addresses.app.vc2}:5000/hello`), true);
        const sleep = ['-n', 'sample', 'exec', 'deploy/sleep', '-c', 'sleep', '--'];
        assert.equal(await reached(asUser('vc2', [...sleep, ...curl(`http://${addresses.app.vc1}:5000/hello`)])), true);
      });

      it("gets names from outside the virtual cluster, by the host's DNS", async () => {
        const name = `${others}.${others}.svc.cluster.local`;
        const output = await must(asUser('vc1', ['-n', 'network', 'exec', 'plain', '--', 'nslookup', name]));
        assert.ok(output.includes(addresses.othersService), output);
      });

      it('lets vc-client work in both virtual clusters, and ask the host', async () => {
        const inClient = (...command: string[]) =>
          must(asHost(['-n', hostNamespace, 'exec', 'vc-client-0', '--', 'sh', '-c', command.join(' ')]));
        for (const cluster of ['vc1', 'vc2'])
          assert.match(
            await inClient(`kubectl --context ${cluster} get namespaces -o name`),
            /namespace\/istio-system/,
          );
        const host = 'kubectl --kubeconfig /dev/null';
        assert.match(await inClient(`${host} -n ${hostNamespace} get services -o name`), /service\/vc1/);
      });
    });
  },
);

interface Addresses {
  others: string;
  othersService: string;
  apiServer: string;
  apiService: string;
  node: string;
  app: Record<VirtualCluster, string>;
  api: string;
}

async function lookUp(): Promise<Addresses> {
  const inHost = (path: string, ...args: string[]) => must(asHost(['get', ...args, '-o', `jsonpath=${path}`]));
  const appOf = async (cluster: VirtualCluster) =>
    must(
      asUser(cluster, [
        '-n',
        'sample',
        'get',
        'pod',
        '-l',
        'app=helloworld',
        '-o',
        'jsonpath={.items[0].status.podIP}',
      ]),
    );
  const slice = ['-n', 'default', 'endpointslice', 'kubernetes'];
  return {
    others: await inHost('{.status.podIP}', '-n', others, 'pod', 'serving'),
    othersService: await inHost('{.spec.clusterIP}', '-n', others, 'service', others),
    apiServer: await inHost('{.endpoints[0].addresses[0]}:{.ports[0].port}', ...slice),
    apiService: await inHost('{.spec.clusterIP}', '-n', 'default', 'service', 'kubernetes'),
    node: await inHost('{.items[0].status.addresses[?(@.type=="InternalIP")].address}', 'nodes'),
    app: { vc1: await appOf('vc1'), vc2: await appOf('vc2') },
    api: await inHost('{.items[0].status.podIP}', '-n', hostNamespace, 'pod', '-l', 'app=vcluster'),
  };
}

const curl = (url: string) => ['curl', '-sk', '--max-time', '3', '-o', '/dev/null', '-w', 'answer %{http_code}', url];

/** Whatever answers, with whatever status. */
async function reached(outcome: Promise<Outcome>): Promise<boolean> {
  const { stdout, output } = await outcome;
  const [, code] = /answer (\d{3})/.exec(stdout) ?? [];
  if (code === undefined) throw new Error(output);
  return code !== '000';
}

/** A firewall follows its policies after a moment. */
const eventually = (look: () => Promise<boolean>, wanted: boolean) =>
  waitFor(`it to be ${wanted}`, async () => (await look()) === wanted, { withinMs: 60 * second, everyMs: second });

const askingPod = (name: string, labels: Fields, place = 'network'): Fields => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: place, labels },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'app', image, command: ['sleep', '3600'] }] },
});

async function startOthers(): Promise<void> {
  const serving = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'serving', namespace: others, labels: { app: 'serving' } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'app', image: config.images.helloworldV1, ports: [{ containerPort: 5000 }] }],
    },
  };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: others, namespace: others },
    spec: { selector: { app: 'serving' }, ports: [{ port: 5000 }] },
  };
  // Somebody who says that they are of the demo is not let in for it.
  const labels = { 'app.kubernetes.io/managed-by': 'vcdemo', 'vcdemo.io/demo': demo };
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: others } },
    service,
    serving,
    askingPod('asking', labels, others),
  ];
  await waitFor('the namespace to take pods', async () => !(await asHost(['apply', '-f', '-'], list(objects))).failed, {
    withinMs: 60 * second,
    everyMs: second,
  });
  await must(asHost(['-n', others, 'wait', 'pod', '--all', '--for=condition=Ready', '--timeout=120s']));
}

/** Policies add up: the source document's lets through what the pair's do not. */
async function switchPolicies(to: 'pair' | 'document'): Promise<void> {
  for (const cluster of ['vc1', 'vc2'] as const) {
    const policy = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'np-vc-allow-all', namespace: namespaceOf(cluster) },
      spec: { podSelector: {}, ingress: [{}], egress: [{}], policyTypes: ['Ingress', 'Egress'] },
    };
    await must(
      to === 'document'
        ? asHost(['apply', '-f', '-'], policy)
        : asHost(['-n', namespaceOf(cluster), 'delete', 'networkpolicy', 'np-vc-allow-all', '--ignore-not-found']),
    );
  }
}

/** Whether a policy that lets nothing out does so. */
async function policiesAreEnforced(): Promise<boolean> {
  const name = `${demo}-probe`;
  const policy = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'nothing', namespace: name },
    spec: { podSelector: {}, policyTypes: ['Egress'] },
  };
  const objects = [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, policy, askingPod('asking', {}, name)];
  try {
    await waitFor('a probe', async () => !(await asHost(['apply', '-f', '-'], list(objects))).failed, {
      withinMs: 60 * second,
      everyMs: second,
    });
    await must(asHost(['-n', name, 'wait', 'pod/asking', '--for=condition=Ready', '--timeout=120s']));
    const api = await must(
      asHost(['get', 'service', 'kubernetes', '-n', 'default', '-o', 'jsonpath={.spec.clusterIP}']),
    );
    for (let attempt = 1; attempt <= 5; attempt++) {
      if (!(await reached(asHost(['-n', name, 'exec', 'asking', '--', ...curl(`https://${api}/version`)]))))
        return true;
      await pause(2 * second); // a firewall follows after a moment
    }
    return false;
  } finally {
    await asHost(['delete', 'namespace', name, '--wait=false']);
  }
}

// ------------------------------------------------------------------ vc-client

describe('vc-client', () => {
  const binding = ['rolebinding', 'attack-vc-client', '-n', hostNamespace];
  const account = `system:serviceaccount:${hostNamespace}:vc-client`;
  const may = async (verb: string, resource: string) => {
    const { stdout } = await asHost(['-n', hostNamespace, '--as', account, 'auth', 'can-i', verb, resource]);
    return stdout.trim() === 'yes';
  };
  const dangerous: [string, string][] = [
    ['create', 'secrets'],
    ['get', 'secrets'],
    ['list', 'pods'],
    ['create', 'pods'],
    ['create', 'pods/exec'],
    ['create', 'serviceaccounts/token'],
    ['create', 'rolebindings'],
    ['delete', 'networkpolicies'],
    ['update', 'resourcequotas'],
  ];
  const withDocument = new Set([
    'secrets',
    'pods',
    'pods/exec',
    'serviceaccounts/token',
    'networkpolicies',
    'rolebindings',
  ]);

  it("writes Secrets and reads pods with the source document's role", async () => {
    await must(asHost(['create', ...binding, '--clusterrole=admin', `--serviceaccount=${hostNamespace}:vc-client`]));
    try {
      for (const [verb, resource] of dangerous)
        if (withDocument.has(resource))
          await waitFor(`to ${verb} ${resource}`, () => may(verb, resource), { withinMs: 20 * second });
    } finally {
      await must(asHost(['delete', ...binding]));
    }
  });

  it('does neither, and nothing else that writes, with the role that it has', async () => {
    await waitFor('the role to be gone', async () => !(await may('create', 'secrets')), { withinMs: 20 * second });
    for (const [verb, resource] of dangerous) assert.equal(await may(verb, resource), false, `${verb} ${resource}`);
    assert.equal(await may('list', 'services'), true, 'it is of some use');
  });

  it("would find no tokens in annotations of the host's pods", async () => {
    for (const cluster of ['vc1', 'vc2'] as const) {
      const pods = await must(asHost(['-n', namespaceOf(cluster), 'get', 'pods', '-o', 'json']));
      assert.doesNotMatch(pods, /vcluster\.loft\.sh\/token-|eyJ[\w-]{20,}\./);
    }
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { readDemoConfig } from '../../src/config.js';
import {
  asHost,
  asUser,
  demo,
  must,
  namespaceOf,
  switchPolicy,
  type Outcome,
  type VirtualCluster,
} from '../support/attack.js';
import { waitFor } from '../support/wait-for.js';

/*
 * A demo's user tries to reach what belongs to others, and others try to reach the demo. Each attempt must succeed with
 * the source document's policy, and fail with the policies of the pair.
 */

const config = readDemoConfig(process.env.VCDEMO_CONFIG);
const image = config.images.sleep;
const hostNamespace = namespaceOf('vc1');
const second = 1000;

type Fields = Record<string, unknown>;

/** Somebody else's namespace in the host cluster, with a pod that serves requests and can send them. */
const others = `${demo}-others`;

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
    api: await inHost(
      '{.items[0].status.podIP}',
      '-n',
      hostNamespace,
      'pod',
      '-l',
      'app=vcluster,!vcluster.loft.sh/managed-by',
    ),
  };
}

const curl = (url: string) => ['curl', '-sk', '--max-time', '3', '-o', '/dev/null', '-w', 'answer %{http_code}', url];

/** Any response counts, whatever its status. */
async function reached(outcome: Promise<Outcome>): Promise<boolean> {
  const { stdout, output } = await outcome;
  const [, code] = /answer (\d{3})/.exec(stdout) ?? [];
  if (code === undefined) throw new Error(output);
  return code !== '000';
}

/** The firewall applies a changed policy after a moment. */
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
  // Claiming to belong to the demo is not enough to get in.
  const labels = { 'app.kubernetes.io/managed-by': 'vcdemo', 'vcdemo.io/demo': demo };
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: others } },
    service,
    serving,
    askingPod('asking', labels, others),
  ];
  await waitFor(
    'the namespace to take pods',
    async () => !(await asHost(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items: objects })).failed,
    {
      withinMs: 60 * second,
      everyMs: second,
    },
  );
  await must(asHost(['-n', others, 'wait', 'pod', '--all', '--for=condition=Ready', '--timeout=50s']));
}

/** Policies are additive: the source document's allows what the pair's do not. */
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

/** Whether a policy that denies all egress is enforced. */
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
    await waitFor(
      'a probe',
      async () => !(await asHost(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items: objects })).failed,
      {
        withinMs: 60 * second,
        everyMs: second,
      },
    );
    await must(asHost(['-n', name, 'wait', 'pod/asking', '--for=condition=Ready', '--timeout=50s']));
    const api = await must(
      asHost(['get', 'service', 'kubernetes', '-n', 'default', '-o', 'jsonpath={.spec.clusterIP}']),
    );
    for (let attempt = 1; attempt <= 5; attempt++) {
      if (!(await reached(asHost(['-n', name, 'exec', 'asking', '--', ...curl(`https://${api}/version`)]))))
        return true;
      await pause(2 * second); // the firewall applies a changed policy after a moment
    }
    return false;
  } finally {
    await asHost(['delete', 'namespace', name, '--wait=false']);
  }
}

const enforced = await policiesAreEnforced();

describe(
  'what a demo can talk to',
  { skip: enforced ? false : 'this host cluster does not enforce NetworkPolicies' },
  () => {
    const pods = {
      plain: {},
      client: { app: 'vc-client' },
      'control-plane': { app: 'vcluster', release: 'vc1' },
    } as const;
    let addresses: Addresses;

    before(async () => {
      await must(asUser('vc1', ['create', 'namespace', 'network']));
      await startOthers();
      // The admission policy refuses those labels to a tenant: the network has to hold without it.
      await switchPolicy('off');
      for (const [name, labels] of Object.entries(pods))
        await must(asUser('vc1', ['create', '-f', '-'], askingPod(name, labels)));
      await must(asUser('vc1', ['-n', 'network', 'wait', 'pod', '--all', '--for=condition=Ready', '--timeout=50s']));
      await switchPolicy('on');
      addresses = await lookUp();
    });
    after(async () => {
      await switchPolicy('on');
      await asUser('vc1', ['delete', 'namespace', 'network', '--wait=false']);
      await asHost(['delete', 'namespace', others, '--wait=false']);
    });

    /** Whether one of the tenant's pods can reach an address: any response counts, even just a handshake. */
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

      it("resolves names outside the virtual cluster with the host's DNS", async () => {
        const name = `${others}.${others}.svc.cluster.local`;
        const output = await must(asUser('vc1', ['-n', 'network', 'exec', 'plain', '--', 'nslookup', name]));
        assert.ok(output.includes(addresses.othersService), output);
      });

      it('lets vc-client work in both virtual clusters, and reach the host API', async () => {
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

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { KubeConfig, type V1PolicyRule } from '@kubernetes/client-node';
import { execa } from 'execa';
import { parseAllDocuments, stringify } from 'yaml';
import { readDemoConfig } from '../../src/config.js';
import { listsToScaleBy, queueKinds, queueName } from '../../src/commands/payload.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { accessOf } from '../support/access.js';
import { assertPermissions } from '../../src/k8s/permissions/permission-check.js';

/*
 * helm/vcdemo against helm and a real API server, which validates every rendering. Nothing is started here, but the
 * worker's permissions are granted, to see what they allow.
 */

const chart = fileURLToPath(new URL('../../helm/vcdemo', import.meta.url));
const namespace = `chart-${randomBytes(3).toString('hex')}`;
const helm = (args: string[], input = '') => execa('helm', args, { input, reject: false });
const render = (values: object, args: string[] = [], release = 'bot') =>
  helm(
    ['template', release, chart, '-n', namespace, '--kube-version', '1.33.0', ...args, '-f', '-'],
    valuesYaml(values),
  );
/** As helm parses it: an unquoted `no` is a boolean. */
const valuesYaml = (values: object) => stringify({ slack, valkey: { enabled: true }, ...values }, { version: '1.1' });
const slack = { existingSecret: 'slack' };

const monitoring = {
  serviceMonitor: { enabled: true, interval: '15s', labels: { release: 'prometheus' } },
  rules: { enabled: true, labels: { release: 'prometheus' } },
  dashboard: { enabled: true, labels: { grafana_dashboard: 2 } },
};

/** Each option once, with a value other than its default. */
const options: Record<string, object> = {
  'the bundled Valkey': {},
  'Valkey without a volume': { valkey: { enabled: true, storage: '' } },
  'a Redis of the user': {
    valkey: { enabled: false },
    redis: { host: 'redis.example.com', port: 6380, tls: true, username: 'u', existingSecret: 'redis', caSecret: 'ca' },
    worker: { keda: { enabled: true } },
  },
  'Redis behind sentinels': {
    valkey: { enabled: false },
    redis: {
      tls: true,
      username: 'u',
      existingSecret: 'redis',
      caSecret: 'ca',
      sentinel: { hosts: ['s1:26379', 's2:26380'], name: 'demos', username: 's', existingSecret: 'sentinels' },
    },
    networkPolicy: { enabled: true },
    worker: { keda: { enabled: true } },
  },
  'Valkey with a password of the user': { valkey: { enabled: true, existingSecret: 'valkey' } },
  'Socket Mode': { slack: { ...slack, mode: 'socket', apiUrl: 'http://slack.test/api/' } },
  Knative: { bot: { kind: 'KnativeService', podAnnotations: { 'autoscaling.knative.dev/min-scale': '1' } } },
  'an Ingress': { bot: { ingress: { enabled: true, host: 'bot.example.com', className: 'nginx', tlsSecret: 'tls' } } },
  'disruption budgets': {
    bot: { podDisruptionBudget: { enabled: true } },
    worker: { podDisruptionBudget: { enabled: true, maxUnavailable: '50%' } },
  },
  'network policies': { networkPolicy: { enabled: true } },
  'network policies around Knative': { networkPolicy: { enabled: true }, bot: { kind: 'KnativeService' } },
  monitoring: { metrics: monitoring },
  'monitoring of a bot of Knative': { metrics: monitoring, bot: { kind: 'KnativeService' } },
  KEDA: { worker: { keda: { enabled: true } } },
  'workers for one of several host clusters': {
    bot: { enabled: false },
    config: { clusters: { eu: null, us: { domain: 'us.example.com' } } },
    worker: { hostCluster: 'us', keda: { enabled: true } },
  },
  'no workers': { worker: { enabled: false } },
  'another host cluster': { worker: { kubeconfigSecret: 'host' } },
  'more rights': {
    config: { helloworld: { ingress: { enabled: true } } },
    rbac: {
      extraClusterRules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['list'] }],
      extraDemoRules: [{ apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: ['get'] }],
    },
  },
  'rights of the user': { rbac: { create: false, demoClusterRole: 'theirs' } },
  'images pulled in advance': {
    image: { pullSecrets: [{ name: 'registry' }] },
    prePull: {
      images: ['docker.io/istio/pilot:1.31.0', 'docker.io/istio/proxyv2:1.31.0'],
      nodeSelector: { pool: 'demos' },
      tolerations: [{ operator: 'Exists' }],
    },
  },
  'no sweep': { worker: { sweep: { enabled: false } } },
  'a corporate proxy': {
    proxy: { https: 'http://proxy.example.com:3128', noProxy: '10.0.0.0/8' },
    extraCa: { configMap: 'corporate-ca' },
    networkPolicy: { enabled: true },
  },
  'a corporate proxy with a password': {
    proxy: { existingSecret: 'proxy' },
    extraCa: { secret: 'ca', key: 'root.pem' },
  },
  'an image by its digest': { image: { digest: `sha256:${'0'.repeat(64)}` } },
  'an archive of the vcluster chart': {
    config: {
      vcluster: { chart: '/charts/vcluster.tgz' },
      exposure: { kind: 'gateway', gateway: { name: 'g', namespace: 'n' } },
    },
    worker: {
      extraVolumes: [{ name: 'charts', configMap: { name: 'charts' } }],
      extraVolumeMounts: [{ name: 'charts', mountPath: '/charts' }],
      extraEnv: [{ name: 'LOG_LEVEL', value: 'debug' }],
    },
  },
};

before(async () => {
  await execa('kubectl', ['create', 'namespace', namespace]);
});
after(async () => {
  await execa('kubectl', ['delete', 'namespace', namespace, '--wait=false']);
});

describe('the chart', () => {
  it('passes helm lint', async () => {
    const values = stringify({ slack, valkey: { enabled: true } });
    const { stdout, exitCode } = await helm(['lint', '--strict', chart, '-f', '-'], values);
    assert.equal(exitCode, 0, stdout);
  });

  for (const [name, values] of Object.entries(options))
    it(`renders objects that the API server accepts, with ${name}`, async () => {
      await assertAccepted(await render(values));
    });

  it('renders objects that the API server accepts with the longest possible release name', async () => {
    const release = `vcdemo-${'x'.repeat(53 - 'vcdemo-'.length)}`;
    await assertAccepted(await render({ worker: { keda: { enabled: true } }, metrics: monitoring }, [], release));
  });

  it('admits namespaces to the bundled Valkey by name, and pods by label only from its own namespace', async () => {
    const networkPolicy = { enabled: true, valkeyFrom: ['keda', 'other-release'] };
    const objects = objectsIn((await render({ networkPolicy })).stdout) as unknown as {
      kind: string;
      metadata: { name: string };
      spec: { ingress: { from: Record<string, object>[] }[] };
    }[];
    const policy = objects.find(({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'bot-valkey')!;
    const [own, others, ...more] = policy.spec.ingress.flatMap(({ from }) => from);
    assert.deepEqual(Object.keys(own!), ['podSelector']);
    const values = ['keda', 'other-release'];
    assert.deepEqual(others, {
      namespaceSelector: { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values }] },
    });
    assert.deepEqual(more, []);
  });

  it('treats a name such as `no` as a name', async () => {
    const config = { clusters: { no: null, eu: null } };
    const worker = { hostCluster: 'no', keda: { enabled: true } };
    const values = { config, worker, metrics: monitoring, networkPolicy: { enabled: true } };
    const rendering = await render(values, ['-n', 'no'], 'no');
    assert.equal(rendering.exitCode, 0, rendering.stderr);
    assert.match(rendering.stdout, /name: HOST_CLUSTER, value: "no"/);
    // Helm and Kubernetes read YAML 1.1, in which an unquoted `no` is false.
    assert.deepEqual(objectsIn(rendering.stdout, '1.1'), objectsIn(rendering.stdout, '1.2'));
  });

  it('refuses unknown values, and says which values are missing', async () => {
    assert.match((await render({ worker: { replica: 2 } })).stderr, /replica/);
    assert.match((await render({ config: { clusters: { eu: {} } } })).stderr, /Set worker\.hostCluster/);
    assert.match((await render({ config: { clusters: { eu: {} } }, worker: { hostCluster: 'us' } })).stderr, /has: eu/);
    assert.match((await render({ slack: {} })).stderr, /Set slack\.existingSecret/);
    assert.match((await render({ valkey: { enabled: false } })).stderr, /Set redis\.host/);
    const old = await render({ demoPolicy: { create: false } }, ['--kube-version', '1.29.0']);
    assert.match(old.stderr, /rbac\.admissionPolicy needs Kubernetes 1\.30 or newer\. Set it to false/);
    const without = await render({ rbac: { admissionPolicy: false }, demoPolicy: { create: false } }, [
      '--kube-version',
      '1.29.0',
    ]);
    assert.doesNotMatch(without.stdout, /ValidatingAdmissionPolicy/);
    assert.match(
      (await render({ bot: { kind: 'KnativeService' }, slack: { ...slack, mode: 'socket' } })).stderr,
      /Socket Mode holds/,
    );
    const ingress = { enabled: true, host: 'bot.example.com' };
    assert.match((await render({ bot: { kind: 'KnativeService', ingress } })).stderr, /Knative creates its own route/);
    for (const worker of [{ stopSeconds: 60 }, { terminationGracePeriodSeconds: 50 }])
      assert.match((await render({ worker })).stderr, /worker\.stopSeconds \(\d+\) must be less than/);
  });

  it('prints notes about what was installed, and nothing else', async () => {
    const notesFor = async (values: object) => {
      const args = ['install', 'bot', chart, '-n', namespace, '--dry-run=server', '-f', '-'];
      const { stdout, stderr } = await helm(args, valuesYaml(values));
      assert.match(stdout, /^NOTES:$/m, stderr);
      return stdout.slice(stdout.indexOf('\nNOTES:'));
    };
    assert.match(await notesFor({}), /the Service bot-bot .*password for Valkey.*helm -n \S+ test bot.*permissions/s);
    assert.doesNotMatch(await notesFor({ bot: { enabled: false } }), /bot-bot|Slack must|helm -n/);
    assert.match(await notesFor({ bot: { kind: 'KnativeService' } }), /Knative's route(?!.*helm -n)/s);
    assert.doesNotMatch(await notesFor({ worker: { enabled: false } }), /permissions/);
    assert.doesNotMatch(await notesFor({ valkey: { enabled: true, existingSecret: 'given' } }), /password/);
  });

  it('keeps a bot without Redis in its Service so that it can tell people, but not a worker', async () => {
    const probeOf = async (part: string, values: object) => {
      const { stdout } = await render(values, ['-s', `templates/${part}.yaml`]);
      return podIn(stdout).containers[0]!.readinessProbe!.httpGet.path;
    };
    assert.equal(await probeOf('bot', {}), '/healthz');
    assert.equal(await probeOf('bot', { bot: { kind: 'KnativeService' } }), '/healthz');
    assert.equal(await probeOf('worker', {}), '/readyz');
  });

  it('keeps a bot listening until no more requests are sent to it', async () => {
    const pod = podIn((await render({}, ['-s', 'templates/bot.yaml'])).stdout);
    const [command, , script] = pod.containers[0]!.lifecycle!.preStop.exec.command;
    assert.equal(command, 'node');
    const seconds = Number(/^setTimeout\(\(\) => \{\}, (\d+)\)$/.exec(script ?? '')?.[1]) / 1000;
    const closesWithin = 5;
    assert.ok(seconds > 0);
    assert.ok(seconds + closesWithin < (pod.terminationGracePeriodSeconds ?? 30));
  });

  it('renders the same twice, even without a cluster, if the Valkey password and the job keys are given', async () => {
    const values = {
      valkey: { enabled: true, existingSecret: 'given' },
      jobKeys: { existingSecret: 'keys' },
      worker: { keda: { enabled: true } },
    };
    const { stdout } = await render(values);
    assert.equal((await render(values)).stdout, stdout);
    assert.ok(objectsIn(stdout).every(({ kind }) => kind !== 'Secret'));
    const secrets = [...stdout.matchAll(/name: (\S+), key: redis-password/g)].map(([, name]) => name);
    // Valkey, bot, worker, sweep and KEDA.
    assert.deepEqual(secrets, Array(5).fill('given'));
  });

  it('starts Valkey, with its password, as the process that Kubernetes signals', async () => {
    const { stdout } = await render({ valkey: { enabled: true, existingSecret: 'given' } }, [
      '-s',
      'templates/valkey.yaml',
    ]);
    const { command, args } = podIn(stdout).containers[0]!;
    const directory = await mkdtemp(join(tmpdir(), 'vcdemo-valkey-'));
    try {
      await writeFile(join(directory, 'valkey-server'), '#!/bin/sh\necho $$; cat', { mode: 0o755 });
      const [shell, ...options] = [...command!, ...args!];
      const server = execa(shell!, options, {
        env: { PATH: `${directory}:${process.env.PATH}`, REDIS_PASSWORD: 'secret' },
      });
      const [pid, ...settings] = (await server).stdout.split('\n');
      assert.equal(Number(pid), server.pid);
      assert.ok(settings.includes('requirepass secret') && settings.includes('maxmemory-policy noeviction'));
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('lets a node be drained that runs the only bot and the only worker', async () => {
    const podDisruptionBudget = { enabled: true };
    const { stdout } = await render({ bot: { podDisruptionBudget }, worker: { podDisruptionBudget } });
    const budgets = objectsIn(stdout).filter(({ kind }) => kind === 'PodDisruptionBudget');
    assert.deepEqual(
      budgets.map(({ metadata, spec }) => [metadata.name, spec!.maxUnavailable, spec!.minAvailable]),
      [
        ['bot-bot', 1, undefined],
        ['bot-worker', 1, undefined],
      ],
    );
  });

  it('scales by the lists of its own queues', async () => {
    for (const hostCluster of [undefined, 'us']) {
      const config = hostCluster ? { clusters: { eu: null, us: null } } : {};
      const { stdout } = await render({ config, worker: { hostCluster, keda: { enabled: true } } });
      const scaled = objectsIn(stdout).find(({ kind }) => kind === 'ScaledObject')!;
      assert.deepEqual(
        scaled.spec!.triggers!.map(({ metadata }) => metadata.listName),
        queueKinds.flatMap((kind) => listsToScaleBy(queueName(kind, hostCluster))),
      );
    }
  });

  it('connects bot, worker and KEDA to the server that the sentinels name', async () => {
    const { stdout } = await render(options['Redis behind sentinels']!);
    const objects = objectsIn(stdout);
    const environment = (name: string) => {
      const deployment = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === name)!;
      return JSON.stringify(deployment.spec!.template!.spec);
    };
    for (const name of ['bot-bot', 'bot-worker']) {
      assert.match(environment(name), /"rediss\+sentinel:\/\/u:\$\(REDIS_PASSWORD\)@s1:26379,s2:26380\/demos"/);
      assert.match(environment(name), /REDIS_SENTINEL_PASSWORD.*sentinels.*sentinel-password.*REDIS_SENTINEL_USERNAME/);
    }
    const scaled = objects.find(({ kind }) => kind === 'ScaledObject')!;
    for (const { type, metadata } of scaled.spec!.triggers!) {
      const { addresses, sentinelMaster, enableTLS, username } = metadata;
      assert.deepEqual(
        { type, addresses, sentinelMaster, enableTLS, username },
        {
          type: 'redis-sentinel',
          addresses: 's1:26379,s2:26380',
          sentinelMaster: 'demos',
          enableTLS: 'true',
          username: 'u',
        },
      );
    }
    const authentication = objects.find(({ kind }) => kind === 'TriggerAuthentication')!;
    assert.match(JSON.stringify(authentication), /sentinelPassword.*sentinels/);
    const policy = objects.find(({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'bot-bot')!;
    for (const port of [6379, 26379, 26380]) assert.match(JSON.stringify(policy), new RegExp(`"port":${port}`));
  });

  it('gives the bot no permissions and no token, and the worker no wildcards and no Secrets cluster-wide', async () => {
    const { stdout } = await render({});
    const objects = objectsIn(stdout);
    const subjects = objects.flatMap((object) => object.subjects ?? []).map(({ name }) => name);
    assert.deepEqual([...new Set(subjects)], ['bot-worker']);
    const bot = objects.find((object) => object.kind === 'Deployment' && object.metadata.name === 'bot-bot')!;
    assert.equal(bot.spec!.template!.spec.automountServiceAccountToken, false);
    const bound = objects.filter((object) => object.kind === 'ClusterRoleBinding').map(({ roleRef }) => roleRef!.name);
    assert.deepEqual(bound, [`bot-worker-${namespace}`]);
    const roles = objects.filter(({ kind }) => kind.endsWith('Role'));
    assert.ok(!JSON.stringify(roles).includes('"*"'));
    const clusterWide = roles.find(({ metadata }) => metadata.name === bound[0])!.rules!;
    const resources = clusterWide.flatMap((rule) => rule.resources);
    assert.deepEqual(resources, ['namespaces', 'persistentvolumes', 'storageclasses', 'rolebindings', 'clusterroles']);
  });

  it('tells the worker its role in the demos’ namespaces, but not for a cluster in which the chart creates none', async () => {
    const roleIn = async (values: object) =>
      /DEMO_CLUSTER_ROLE, value: "([^"]+)"/.exec((await render(values, ['-s', 'templates/worker.yaml'])).stdout)?.[1];
    assert.equal(await roleIn({}), `bot-demo-${namespace}`);
    const worker = { kubeconfigSecret: 'host' };
    assert.equal(await roleIn({ worker }), undefined);
    assert.equal(await roleIn({ worker, rbac: { demoClusterRole: 'theirs' } }), 'theirs');
  });
});

async function assertAccepted({ stdout, stderr, exitCode }: Awaited<ReturnType<typeof render>>): Promise<void> {
  assert.equal(exitCode, 0, stderr);
  // As helm does: an object without a namespace gets the release's.
  const objects = objectsIn(stdout).map((object) => ({ ...object, metadata: { namespace, ...object.metadata } }));
  const input = stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const dryRun = await execa('kubectl', ['apply', '--dry-run=server', '-f', '-'], { input, reject: false });
  assert.equal(dryRun.exitCode, 0, dryRun.stderr);
}

interface Rendered {
  kind: string;
  metadata: { name: string };
  roleRef?: { name: string };
  subjects?: { name: string }[];
  rules?: V1PolicyRule[];
  spec?: {
    template?: { spec: PodSpec };
    maxUnavailable?: number | string;
    minAvailable?: number | string;
    triggers?: { type: string; metadata: Record<string, string> }[];
  };
}

interface PodSpec {
  automountServiceAccountToken?: boolean;
  terminationGracePeriodSeconds?: number;
  containers: {
    command?: string[];
    args?: string[];
    readinessProbe?: { httpGet: { path: string } };
    lifecycle?: { preStop: { exec: { command: string[] } } };
  }[];
}

const objectsIn = (yaml: string, version: '1.1' | '1.2' = '1.2'): Rendered[] =>
  parseAllDocuments(yaml, { version }).flatMap((document) => (document.contents ? [document.toJS() as Rendered] : []));

/** Name of the only object that has one. */
const podIn = (yaml: string): PodSpec => objectsIn(yaml).find(({ spec }) => spec?.template)!.spec!.template!.spec;

type Role = Required<Pick<Rendered, 'kind' | 'metadata' | 'rules'>>;

describe('of the worker’s rules', () => {
  const config = readDemoConfig(undefined);
  const roles: Role[] = [];
  const rights = ['-s', 'templates/rbac.yaml'];
  const demoClusterRole = `bot-demo-${namespace}`;
  let host: Cluster;

  before(async () => {
    const { stdout } = await render({}, rights);
    for (const object of objectsIn(stdout)) await kubectlApply(object);
    roles.push(...objectsIn(stdout).filter((object): object is Role => object.rules !== undefined));
    host = await connectAs('bot-worker');
  });
  after(async () => {
    host?.close();
    await execa('kubectl', ['delete', '-f', '-'], { input: (await render({}, rights)).stdout });
  });

  /** What preflight reports about the current permissions. */
  const preflight = () =>
    assertPermissions(host, config, { demoClusterRole, claimNamespace: namespace }).then(
      () => 'nothing is missing',
      (error: Error) => error.message,
    );
  /** The authoriser sees a change after a moment. */
  const preflightSays = (pattern: RegExp) =>
    retry(async () => assert.match(await preflight(), pattern), { withinMs: 10_000 });

  it('all rules together satisfy preflight', () => preflightSays(/^nothing is missing$/));

  it('no rule of any of the four roles can be removed without preflight naming it and its place', async () => {
    assert.deepEqual(
      roles.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      [
        `ClusterRole bot-worker-${namespace}`,
        `ClusterRole ${demoClusterRole}`,
        'Role bot-worker',
        `Role bot-worker-${namespace}`,
      ],
    );
    const places = [
      'cluster-wide',
      `in ClusterRole ${demoClusterRole}`,
      `in namespace ${namespace}`,
      'in namespace default',
    ];
    for (const [index, role] of roles.entries()) {
      for (const taken of role.rules) {
        await kubectlApply({ ...role, rules: withoutResources(role.rules, taken) });
        await preflightSays(lackOf(taken, places[index]!));
      }
      await kubectlApply(role);
      await preflightSays(/^nothing is missing$/);
    }
  });

  /** The rules without those that `taken` matches, which another rule may also grant. */
  function withoutResources(rules: V1PolicyRule[], taken: V1PolicyRule): V1PolicyRule[] {
    const isTaken = (group: string, resource: string) =>
      taken.apiGroups!.includes(group) && taken.resources!.includes(resource);
    return rules
      .map((rule) => ({
        ...rule,
        resources: rule.resources!.filter((resource) => !isTaken(rule.apiGroups![0]!, resource)),
      }))
      .filter(({ resources }) => resources.length > 0);
  }

  /** `Missing in namespace x: leases.coordination.k8s.io: get, create.`, each resource with each verb. */
  function lackOf({ apiGroups, resources, verbs, resourceNames }: V1PolicyRule, place: string): RegExp {
    const lacks = resources!.map((resource) => {
      const name = [resource, ...apiGroups!.filter(Boolean)].join('.') + (resourceNames ? `/${resourceNames[0]}` : '');
      return `(?=.* ${name}: ${verbs.map((verb) => `(?=[a-z, ]*\\b${verb}\\b)`).join('')})`;
    });
    return new RegExp(`Missing ${place}:${lacks.join('')}`);
  }
});

describe('a thief of the worker’s token', () => {
  const foreign = `${namespace}-foreign`;
  const own = `${namespace}-own`;
  const worker = `system:serviceaccount:${namespace}:bot-worker`;
  const label = 'app.kubernetes.io/managed-by';
  /** Changes nothing: authorisation and admission also apply to a dry run. */
  const asThief = (...args: string[]) => execa('kubectl', [...args, `--as=${worker}`], { reject: false });
  const dryRun = (...args: string[]) => asThief(...args, '--dry-run=server');
  let manifests: string;
  const refusal = /worker of vcdemo (writes|changes and deletes) only namespaces with the label/;

  async function isRefused(attempt: Promise<{ exitCode?: number; stderr: string }>, reason: RegExp): Promise<void> {
    const { exitCode, stderr } = await attempt;
    assert.notEqual(exitCode, 0);
    assert.match(stderr, reason);
  }

  before(async () => {
    const parts = ['-s', 'templates/rbac.yaml', '-s', 'templates/admission-policy.yaml'];
    manifests = (await render({}, parts)).stdout;
    await execa('kubectl', ['apply', '-f', '-'], { input: manifests });
    await execa('kubectl', ['create', 'namespace', foreign]);
    // A policy takes effect a moment after its creation.
    const adopt = () => dryRun('label', 'namespace', foreign, `${label}=vcdemo`);
    await retry(() => isRefused(adopt(), refusal), { withinMs: 20_000 });
  });
  after(async () => {
    await execa('kubectl', ['delete', '--ignore-not-found', '-f', '-'], { input: manifests });
    await execa('kubectl', ['delete', 'namespace', foreign, own, '--ignore-not-found', '--wait=false']);
  });

  it('cannot read Secrets or start pods outside of demos', async () => {
    for (const elsewhere of ['kube-system', foreign, namespace]) {
      await isRefused(asThief('get', 'secrets', '-n', elsewhere), /cannot list resource "secrets"/);
      await isRefused(dryRun('run', 'x', '--image=x', '-n', elsewhere), /cannot create resource "pods"/);
    }
    await isRefused(asThief('get', 'secrets', '-A'), /cannot list resource "secrets"/);
  });

  it('cannot bind itself anywhere else, not even to the role that it may bind', async () => {
    const bind = (where: string, role: string) =>
      dryRun('create', 'rolebinding', 'x', `--clusterrole=${role}`, `--user=${worker}`, '-n', where);
    for (const elsewhere of ['kube-system', foreign, namespace])
      await isRefused(
        bind(elsewhere, `bot-demo-${namespace}`),
        /writes RoleBindings only in namespaces with the label/,
      );
    await isRefused(bind('kube-system', 'cluster-admin'), /attempting to grant RBAC permissions not currently held/);
    const everywhere = ['clusterrolebinding', 'x', `--clusterrole=bot-demo-${namespace}`, `--user=${worker}`];
    await isRefused(dryRun('create', ...everywhere), /cannot create resource "clusterrolebindings"/);
  });

  it('cannot turn a namespace into a demo’s, or change one that is not', async () => {
    for (const other of ['kube-system', foreign]) {
      await isRefused(dryRun('label', 'namespace', other, `${label}=vcdemo`, '--overwrite'), refusal);
      await isRefused(dryRun('annotate', 'namespace', other, 'x=y'), refusal);
    }
    await isRefused(dryRun('delete', 'namespace', foreign), refusal);
    await isRefused(dryRun('create', 'namespace', `${namespace}-plain`), refusal);
  });

  it('has the worker’s permissions in a namespace that it creates, and cannot release the namespace', async () => {
    const manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: own, labels: { [label]: 'vcdemo' } } };
    await execa('kubectl', ['create', '-f', '-', `--as=${worker}`], { input: stringify(manifest) });
    await isRefused(dryRun('label', 'namespace', own, `${label}-`), refusal);
    const role = [`--clusterrole=bot-demo-${namespace}`, `--user=${worker}`, '-n', own];
    await execa('kubectl', ['create', 'rolebinding', 'x', ...role, `--as=${worker}`]);
    await retry(async () => assert.equal((await asThief('get', 'secrets', '-n', own)).exitCode, 0), {
      withinMs: 10_000,
    });
    const more = dryRun('create', 'rolebinding', 'y', '--clusterrole=cluster-admin', `--user=${worker}`, '-n', own);
    await isRefused(more, /attempting to grant RBAC permissions not currently held/);
    assert.equal((await dryRun('delete', 'namespace', own)).exitCode, 0);
  });

  it('is the only account that the policy restricts', async () => {
    await execa('kubectl', ['label', 'namespace', foreign, `${label}=somebody`, '--dry-run=server']);
    await execa('kubectl', ['delete', 'namespace', foreign, '--dry-run=server']);
  });
});

/** A connection with the token of a ServiceAccount, which it creates. */
async function connectAs(account: string): Promise<Cluster> {
  await kubectlApply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account, namespace } });
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(process.env.KUBECONFIG!);
  const { stdout: token } = await execa('kubectl', ['create', 'token', account, '-n', namespace]);
  kubeConfig.users = kubeConfig.users.map(({ name }) => ({ name, token }));
  return connectCluster('host', accessOf(kubeConfig), {});
}

async function kubectlApply(manifest: object): Promise<void> {
  const input = stringify(manifest, { aliasDuplicateObjects: false });
  await execa('kubectl', ['apply', '-f', '-'], { input });
}

/** Repeats the work until it does not throw, or the time is up. */
async function retry(attempt: () => Promise<void>, { withinMs }: { withinMs: number }): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { KubeConfig } from '@kubernetes/client-node';
import { execa } from 'execa';
import { parseAllDocuments, stringify } from 'yaml';
import { readDemoConfig } from '../../src/config.js';
import { listsToScaleBy, queueKinds, queueName } from '../../src/jobs/definitions.js';
import { connectCluster } from '../../src/k8s/cluster.js';
import { assertPermissions, workerRules } from '../../src/k8s/permissions.js';

/* helm/vcdemo against helm and a real API server, which validates every rendering; nothing of it is started here. */

const chart = fileURLToPath(new URL('../../helm/vcdemo', import.meta.url));
const namespace = `chart-${randomBytes(3).toString('hex')}`;
const helm = (args: string[], input = '') => execa('helm', args, { input, reject: false });
const render = (values: object) =>
  helm(
    ['template', 'bot', chart, '-n', namespace, '--kube-version', '1.33.0', '-f', '-'],
    stringify({ slack, valkey: { enabled: true }, ...values }),
  );
const slack = { existingSecret: 'slack' };

const monitoring = {
  serviceMonitor: { enabled: true, interval: '15s', labels: { release: 'prometheus' } },
  rules: { enabled: true, labels: { release: 'prometheus' } },
  dashboard: { enabled: true, labels: { grafana_dashboard: 2 } },
};

/** Each option once, away from its default. */
const options: Record<string, object> = {
  'the bundled Valkey': {},
  'Valkey without a volume': { valkey: { enabled: true, storage: '' } },
  'a Redis of the user': {
    valkey: { enabled: false },
    redis: { host: 'redis.example.com', port: 6380, tls: true, username: 'u', existingSecret: 'redis' },
  },
  'Socket Mode': { slack: { ...slack, mode: 'socket', apiUrl: 'http://slack.test/api/' } },
  Knative: { bot: { kind: 'KnativeService' } },
  'an Ingress': { bot: { ingress: { enabled: true, host: 'bot.example.com', className: 'nginx', tlsSecret: 'tls' } } },
  'disruption budgets': {
    bot: { podDisruptionBudget: { enabled: true } },
    worker: { podDisruptionBudget: { enabled: true, minAvailable: '50%' } },
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
  'no sweep': { worker: { sweep: { enabled: false } } },
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
      const { stdout, stderr, exitCode } = await render(values);
      assert.equal(exitCode, 0, stderr);
      const dryRun = await execa('kubectl', ['apply', '-n', namespace, '--dry-run=server', '-f', '-'], {
        input: stdout,
        reject: false,
      });
      assert.equal(dryRun.exitCode, 0, dryRun.stderr);
    });

  it('refuses values that it does not know, and says what lacks', async () => {
    assert.match((await render({ worker: { replica: 2 } })).stderr, /replica/);
    assert.match((await render({ config: { clusters: { eu: {} } } })).stderr, /Set worker\.hostCluster/);
    assert.match((await render({ config: { clusters: { eu: {} } }, worker: { hostCluster: 'us' } })).stderr, /has: eu/);
    assert.match((await render({ slack: {} })).stderr, /Set slack\.existingSecret/);
    assert.match((await render({ valkey: { enabled: false } })).stderr, /Set redis\.host/);
    assert.match(
      (await render({ bot: { kind: 'KnativeService' }, slack: { ...slack, mode: 'socket' } })).stderr,
      /Socket Mode holds/,
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

  it('gives the bot no rights and no token, and the worker no wildcard', async () => {
    const { stdout } = await render({});
    const objects = objectsIn(stdout);
    const subjects = objects.flatMap((object) => object.subjects ?? []).map(({ name }) => name);
    assert.deepEqual(subjects, ['bot-worker']);
    const bot = objects.find((object) => object.kind === 'Deployment' && object.metadata.name === 'bot-bot')!;
    assert.equal(bot.spec!.template!.spec.automountServiceAccountToken, false);
    const rules = objects.find((object) => object.kind === 'ClusterRole')!.rules!;
    assert.ok(rules.length > 10);
    assert.ok(!JSON.stringify(rules).includes('"*"'));
  });
});

interface Rendered {
  kind: string;
  metadata: { name: string };
  subjects?: { name: string }[];
  rules?: unknown[];
  spec?: {
    template?: { spec: { automountServiceAccountToken?: boolean } };
    triggers?: { metadata: { listName: string } }[];
  };
}

const objectsIn = (yaml: string): Rendered[] =>
  parseAllDocuments(yaml).flatMap((document) => (document.contents ? [document.toJS() as Rendered] : []));

describe('of the worker’s rules', () => {
  const config = readDemoConfig(undefined);
  const rules = workerRules(config.exposure.kind);
  const role = `vcdemo-${namespace}`;

  /** What preflight finds when a service account has these rules and no others. */
  async function missing(granted: typeof rules): Promise<string> {
    const clusterRole = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: role },
      rules: granted.map(({ group, resources, verbs, name }) => ({
        apiGroups: [group],
        resources,
        verbs,
        ...(name && { resourceNames: [name] }),
      })),
    };
    await execa('kubectl', ['apply', '-f', '-'], { input: stringify(clusterRole, { aliasDuplicateObjects: false }) });
    const worker = new KubeConfig();
    worker.loadFromFile(process.env.KUBECONFIG!);
    const { stdout: token } = await execa('kubectl', ['create', 'token', 'default', '-n', namespace]);
    worker.users = worker.users.map(({ name }) => ({ name, token }));
    const host = connectCluster('host', worker, {});
    try {
      return await assertPermissions(host, config).then(
        () => '',
        (error: Error) => error.message,
      );
    } finally {
      host.close();
    }
  }

  before(async () => {
    const subject = `--serviceaccount=${namespace}:default`;
    await execa('kubectl', ['create', 'clusterrolebinding', role, `--clusterrole=${role}`, subject]);
  });
  after(async () => {
    await execa('kubectl', ['delete', 'clusterrolebinding,clusterrole', role, '--ignore-not-found']);
  });

  it('all together are enough for preflight', async () => {
    // The authoriser follows the new binding after a moment.
    let last = 'not asked';
    for (let tries = 0; tries < 20 && last !== ''; tries++) last = await missing(rules);
    assert.equal(last, '');
  });

  it('none can be taken away without preflight naming it', async () => {
    for (const taken of rules) {
      const isTaken = (group: string, resource: string) => group === taken.group && taken.resources.includes(resource);
      const others = rules
        .map((rule) => ({ ...rule, resources: rule.resources.filter((resource) => !isTaken(rule.group, resource)) }))
        .filter(({ resources }) => resources.length > 0);
      const lost = taken.resources.map((resource) => {
        const name = taken.group ? `${resource}.${taken.group}` : resource;
        return new RegExp(
          `(^|[ ;])${name.replaceAll('.', '\\.')}: ${taken.verbs.map((verb) => `(?=[a-z, ]*\\b${verb}\\b)`).join('')}`,
        );
      });
      // The authoriser follows after a moment.
      let said = '';
      for (let tries = 0; tries < 20 && !lost.every((pattern) => pattern.test(said)); tries++)
        said = await missing(others);
      for (const pattern of lost) assert.match(said, pattern);
    }
  });
});

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { parse, stringify } from 'yaml';
import { startStack, textOf, type Stack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';
import { mergeDeep } from '../../src/k8s/virtual-cluster/helm-values.js';

/*
 * Partly created and partly deleted demos, with the chart's permissions and its admission policy: the worker grants itself
 * its permissions in a new namespace, and needs none where they were deleted along with the namespace. The worker runs on
 * this machine, with a token of the chart's ServiceAccount.
 */

const minute = 60_000;
const chart = fileURLToPath(new URL('../../helm/vcdemo', import.meta.url));
const namespace = `rights-${randomBytes(3).toString('hex')}`;
const demoClusterRole = `bot-demo-${namespace}`;
const kubectl = async (...args: string[]) => (await execa('kubectl', args)).stdout;
const apply = async (manifests: string) => void (await execa('kubectl', ['apply', '-f', '-'], { input: manifests }));

describe('a worker with permissions only in the demos’ namespaces', () => {
  let directory: string;
  let rights: string;
  let stack: Stack;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'vcdemo-rights-'));
    await kubectl('create', 'namespace', namespace);
    await kubectl('create', 'serviceaccount', 'bot-worker', '-n', namespace);
    rights = await renderRights();
    await apply(rights);
    await writeConfig({});
    const environment = { KUBECONFIG: await writeKubeconfig(), DEMO_CLUSTER_ROLE: demoClusterRole };
    stack = await startStack({ ...environment, VCDEMO_CONFIG: join(directory, 'config.yaml') });
    await stack.startWorker();
  });
  after(async () => {
    await stack?.close();
    await execa('kubectl', ['delete', '--ignore-not-found', '-f', '-'], { input: rights });
    await kubectl('delete', 'namespace', namespace, '--wait=false');
    await rm(directory, { recursive: true, force: true });
  });

  async function renderRights(): Promise<string> {
    const templates = ['rbac', 'admission-policy'].flatMap((name) => ['--show-only', `templates/${name}.yaml`]);
    const values = {
      slack: { existingSecret: 'slack' },
      valkey: { enabled: true },
      config: { exposure: { kind: 'none' } },
    };
    const args = ['template', 'bot', chart, '-n', namespace, '--kube-version', '1.33.0', ...templates, '-f', '-'];
    return (await execa('helm', args, { input: stringify(values) })).stdout;
  }

  /** VCDEMO_CONFIG without what needs an edge; workers reload it for each job. */
  async function writeConfig(over: Record<string, unknown>): Promise<void> {
    const file = process.env.VCDEMO_CONFIG;
    const text = file ? await readFile(file, 'utf8') : '{}';
    const smaller = { exposure: { kind: 'none' }, dashboard: { enabled: false } };
    const config = { ...(parse(text) as Record<string, unknown>), ...smaller };
    await writeFile(join(directory, 'config.yaml'), stringify(mergeDeep(config, over)));
  }

  /** The account's token, and the namespace for its claims. */
  async function writeKubeconfig(): Promise<string> {
    const admin = parse(await kubectl('config', 'view', '--raw', '--minify', '-o', 'json')) as Kubeconfig;
    const token = await kubectl('create', 'token', 'bot-worker', '-n', namespace, '--duration=2h');
    const file = join(directory, 'kubeconfig');
    const content = {
      ...admin,
      users: admin.users.map(({ name }) => ({ name, user: { token } })),
      contexts: admin.contexts.map(({ name, context }) => ({ name, context: { ...context, namespace } })),
    };
    await writeFile(file, JSON.stringify(content), { mode: 0o600 });
    return file;
  }

  /** What a worker leaves that dies right after its first write: an empty namespace. */
  async function beginDemo(demo: string): Promise<string> {
    const name = `${demo}-vc1`;
    const labels = {
      'app.kubernetes.io/managed-by': 'vcdemo',
      'vcdemo.io/demo': demo,
      'vcdemo.io/virtual-cluster': 'vc1',
    };
    const annotations = {
      'vcdemo.io/owner-id': stack.slack.alice.userId,
      'vcdemo.io/owner-name': 'alice',
      'vcdemo.io/channel': stack.slack.channel,
      'vcdemo.io/expires': new Date(Date.now() + 60 * minute).toISOString(),
      'vcdemo.io/state': 'failed',
    };
    await apply(stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels, annotations } }));
    return name;
  }

  async function deleteDemo(demo: string): Promise<void> {
    await stack.confirm(stack.slack.alice, `delete ${demo}`);
  }
  const deleted = async (demo: string) => {
    await stack.message(new RegExp(`Demo \\*${demo}\\* has been deleted; nothing is left`), 3 * minute);
    assert.equal(await kubectl('get', 'namespace', '-l', `vcdemo.io/demo=${demo}`, '-o', 'name'), '');
  };

  it('says that it has no permissions in a demo without its RoleBinding yet, and deletes the demo', async () => {
    await beginDemo('half');
    await stack.type(stack.slack.alice, 'status half');
    const status = await stack.whisper(stack.slack.alice, /Demo half: /, minute);
    assert.match(status, /vc1: the worker has no permissions in namespace half-vc1 yet: its RoleBinding is missing/);
    assert.match(status, /vc2: namespace half-vc2 does not exist/);
    assert.doesNotMatch(status, /forbidden/);
    assert.equal(await kubectl('get', 'rolebinding', '-n', 'half-vc1', '-o', 'name'), '', 'status only looks');
    await deleteDemo('half');
    await deleted('half');
  });

  it('deletes a demo whose namespace is being deleted with the worker’s permissions while helm’s Secret still exists', async () => {
    const name = await beginDemo('going');
    const metadata = { name: 'sh.helm.release.v1.vc1.v1', namespace: name, labels: { owner: 'helm', name: 'vc1' } };
    const held = { ...metadata, finalizers: ['vcdemo.io/test'] };
    await apply(stringify({ apiVersion: 'v1', kind: 'Secret', metadata: held, type: 'helm.sh/release.v1' }));
    await kubectl('delete', 'namespace', name, '--wait=false');
    await deleteDemo('going');
    await stack.message(/Deleting demo going[^]*namespace going-vc1 is Terminating: .*finalizer/, minute);
    await kubectl(
      'patch',
      'secret',
      metadata.name,
      '-n',
      name,
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":null}}',
    );
    await deleted('going');
  });

  it('distinguishes a refusal by admission from a missing permission, and deletes the namespace again', async () => {
    await writeConfig({ namespace: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } });
    await stack.type(stack.slack.alice, 'create strict');
    const message = textOf(await stack.message(/Creating demo \*strict\* failed/, 2 * minute));
    assert.match(message, /Admission in the host cluster refuses pods .* violates PodSecurity "restricted/);
    assert.equal(await kubectl('get', 'namespace', '-l', 'vcdemo.io/demo=strict', '-o', 'name'), '');
    await writeConfig({});
  });

  it('says what to do if vcluster.values require a ClusterRole or more than the worker can grant', async () => {
    const failureWith = async (demo: string, values: object) => {
      await writeConfig({ vcluster: { values } });
      await stack.type(stack.slack.alice, `create ${demo}`);
      const message = textOf(await stack.message(new RegExp(`Creating demo \\*${demo}\\* failed`), 2 * minute));
      await deleteDemo(demo);
      await deleted(demo);
      return message;
    };
    const clusterRole = await failureWith('wide', { rbac: { clusterRole: { enabled: 'auto' } } });
    assert.match(clusterRole, /What to do:.*rbac\.extraClusterRules/s);
    const budgets = await failureWith('more', { sync: { toHost: { podDisruptionBudgets: { enabled: true } } } });
    assert.match(budgets, /What to do:.*rbac\.extraDemoRules/s);
    await writeConfig({});
  });

  it('resumes a demo with a namespace but no RoleBinding, and restores lost permissions', async () => {
    await beginDemo('resumed');
    await stack.type(stack.slack.alice, 'create resumed');
    await waitFor(
      'the demo to be ready',
      async () => {
        const texts = stack.slack.timeline.entries.map(textOf);
        assert.equal(
          texts.find((text) => /Creating demo .*resumed.* failed/.test(text)),
          undefined,
        );
        return texts.some((text) => /Demo \*resumed\* of .* is ready/.test(text));
      },
      { withinMs: 10 * minute, everyMs: 500 },
    );
    assert.equal(await kubectl('get', 'clusterrole', '-l', 'app=vcluster', '-o', 'name'), '', 'vcluster has none');
    for (const cluster of ['vc1', 'vc2']) {
      const binding = ['rolebinding', demoClusterRole, '-n', `resumed-${cluster}`];
      assert.equal(
        await kubectl('get', ...binding, '-o', 'jsonpath={.subjects[*].namespace}/{.subjects[*].name}'),
        `${namespace}/bot-worker`,
      );
      await kubectl('delete', ...binding);
    }
    await stack.type(stack.slack.bob, 'verify resumed');
    assert.match(textOf(await stack.message(/resumed.*requests from sleep/s, minute)), /v1: [1-9]\d* · v2: [1-9]/);
    await stack.type(stack.slack.alice, 'status resumed');
    assert.match(await stack.whisper(stack.slack.alice, /Demo resumed: /, minute), /all parts are in place/);
    await deleteDemo('resumed');
    await deleted('resumed');
  });
});

interface Kubeconfig {
  users: { name: string; user: object }[];
  contexts: { name: string; context: object }[];
}

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { execa } from 'execa';
import { parse, stringify } from 'yaml';
import { readDemoConfig } from '../../src/config.js';
import { hostnameOf } from '../../src/k8s/virtual-cluster/hostnames.js';
import { startStack, textOf, type RunningProcess, type Stack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/*
 * Everything on a real cluster, from signed slash commands to messages and files in Slack. KUBECONFIG names the cluster,
 * VCDEMO_CONFIG holds its settings; the demos' public names must resolve on this machine.
 */

const minute = 60_000;
const createWithinMs = 10 * minute;

if (!process.env.KUBECONFIG) {
  process.stderr.write('The end-to-end tests need a cluster: set KUBECONFIG (and VCDEMO_CONFIG, see examples/).\n');
  process.exit(1);
}
const config = readDemoConfig(process.env.VCDEMO_CONFIG);

let directory: string;
let stack: Stack;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vcdemo-e2e-'));
  stack = await startStack();
});
after(async () => {
  await stack?.close();
  await rm(directory, { recursive: true, force: true });
});

/** kubectl on the host cluster. */
const kubectl = async (...args: string[]) => (await execa('kubectl', args)).stdout;

/** kubectl with a kubeconfig that vcdemo delivered. */
async function kubectlWith(kubeconfig: string, ...args: string[]): Promise<string> {
  const file = join(directory, 'kubeconfig');
  await writeFile(file, kubeconfig, { mode: 0o600 });
  return (await execa('kubectl', ['--kubeconfig', file, ...args])).stdout;
}

async function remainders(demo: string): Promise<string> {
  const byLabel = await kubectl('get', 'namespace,lease', '-A', '-l', `vcdemo.io/demo=${demo}`, '-o', 'name');
  const volumes = await kubectl('get', 'persistentvolume', '-o', 'jsonpath={.items[*].spec.claimRef.namespace}');
  return [byLabel, ...volumes.split(' ').filter((namespace) => namespace.startsWith(`${demo}-`))].join('\n').trim();
}

async function deleteDemo(name: string): Promise<void> {
  assert.match(await stack.confirm(stack.slack.alice, `delete ${name}`), /cannot be undone/);
  await stack.message(new RegExp(`Demo \\*${name}\\* has been deleted; nothing is left`), 5 * minute);
  assert.equal(await remainders(name), '');
}

describe('a demo on a real cluster', () => {
  let worker: RunningProcess;
  let kubeconfig: string;

  before(async () => {
    worker = await stack.startWorker();
  });
  after(() => worker.kill('SIGTERM'));

  it('is created by one slash command, with one progress message and the kubeconfig as a file', async () => {
    const { slack } = stack;
    const answer = await stack.type(slack.alice, 'create e2e --ttl 2h');
    assert.match(answer.body.text ?? '', /Creating demo e2e/);
    const [file] = await waitFor(
      'the kubeconfig in the channel',
      async () => {
        const failure = (await slack.messages(slack.channel))
          .map(textOf)
          .find((text) => /Creating demo .* failed/.test(text));
        assert.equal(failure, undefined);
        const files = await slack.files(slack.channel);
        return files.length > 0 && files;
      },
      { withinMs: createWithinMs, everyMs: 1000 },
    );
    kubeconfig = file!.content;
    assert.equal(file!.name, 'e2e.kubeconfig.yaml');
    await stack.message(/Demo \*e2e\* of .* is ready/, minute);
    const cards = (await slack.messages(slack.channel)).map(textOf).filter((text) => /demo \*?e2e\*? /i.test(text));
    assert.equal(cards.length, 1, 'one card');
    const edits = slack.calls.filter(({ method }) => method === 'chat.update').length;
    assert.ok(edits > 2, `the card is edited as steps finish, was edited ${edits} times`);
  });

  it('answers a second create with the state, and starts nothing', async () => {
    await stack.type(stack.slack.bob, 'create e2e');
    assert.match(await stack.whisper(stack.slack.bob, /e2e/), /it is ready\. Nothing was started/);
  });

  it('sends a kubeconfig that works with kubectl through the edge, in both clusters', async () => {
    for (const context of ['vc1', 'vc2']) {
      const namespaces = await kubectlWith(kubeconfig, '--context', context, 'get', 'namespaces', '-o', 'name');
      assert.match(namespaces, /namespace\/istio-system/);
    }
    const parsed = parse(kubeconfig) as { clusters: { cluster: { server: string } }[] };
    assert.equal(parsed.clusters[0]!.cluster.server, `https://${hostnameOf(config, 'api', 'e2e', 'vc1')}:443`);
  });

  it('sends a second person their own kubeconfig by direct message, valid no longer than the demo', async () => {
    const { slack } = stack;
    await stack.type(slack.bob, 'kubeconfig e2e');
    await stack.whisper(slack.bob, /in your direct messages/);
    const [file] = await slack.files(await slack.directMessages(slack.bob.userId));
    const parsed = parse(file!.content) as { users: { user: Record<string, string> }[] };
    const certificate = new X509Certificate(Buffer.from(parsed.users[0]!.user['client-certificate-data']!, 'base64'));
    assert.match(certificate.subject, new RegExp(`CN=u-bob-${slack.bob.userId.toLowerCase()}`));
    assert.ok(Date.parse(certificate.validTo) <= Date.now() + 2 * 60 * minute);
    assert.match(
      await kubectlWith(file!.content, '--context', 'vc2', 'get', 'namespaces', '-o', 'name'),
      /namespace\/sample/,
    );
  });

  it('verifies: both versions answer', async () => {
    await stack.type(stack.slack.bob, 'verify e2e --requests 24');
    const text = textOf(await stack.message(/requests from sleep/, minute));
    assert.match(text, /the mesh works: both versions answer/);
    for (const cluster of ['vc1', 'vc2'])
      assert.match(
        text,
        new RegExp(
          `from ${cluster}\\*: v1: [1-9]\\d* · v2: [1-9]\\d* of \\d+ requests from sleep.*; 24 in parallel: .*no errors`,
        ),
      );
  });

  it('says in status that all parts are in place, and lists the demo', async () => {
    await stack.type(stack.slack.alice, 'status e2e');
    assert.match(await stack.whisper(stack.slack.alice, /Demo e2e: /, minute), /all parts are in place/);
    await stack.type(stack.slack.alice, 'list');
    assert.match(await stack.whisper(stack.slack.alice, /One demo|\d+ demos/), /\*e2e\*/);
  });

  it('shows the dashboards only to the person who asked, with tokens that work', async () => {
    await stack.type(stack.slack.bob, 'dashboard e2e');
    const text = await stack.whisper(stack.slack.bob, /dashboards of demo e2e/);
    const host = hostnameOf(config, 'dashboard', 'e2e', 'vc1');
    assert.ok(text.includes(`https://${host}/`));
    const page = await execa('curl', ['--silent', '--show-error', '--insecure', `https://${host}/`]);
    assert.match(page.stdout, /Kubernetes Dashboard/);
    const [, token] = /```(eyJ[^`]+)```/.exec(text)!;
    const whoami = await kubectlWith(
      withToken(kubeconfig, token!),
      '--context',
      'vc1',
      'auth',
      'whoami',
      '-o',
      'jsonpath={.status.userInfo.username}',
    );
    assert.equal(whoami, 'system:serviceaccount:kubernetes-dashboard:admin-user');
    const inChannel = (await stack.slack.messages(stack.slack.channel)).map(textOf).join('\n');
    assert.ok(!inChannel.includes(token!), 'the token is not in the channel');
  });

  it('puts the kubeconfig into the home directory of vc-client', async () => {
    const shell = 'kubectl --context vc2 get namespaces -o name';
    assert.match(await kubectl('-n', 'e2e-vc1', 'exec', 'vc-client-0', '--', 'sh', '-c', shell), /namespace\/sample/);
  });

  it('refuses to be deleted by somebody else', async () => {
    await stack.type(stack.slack.bob, 'delete e2e');
    await stack.whisper(stack.slack.bob, /belongs to alice; only its owner or an administrator/);
  });

  it('keeps secrets out of Redis', async () => {
    const dump = (await execa('redis-cli', ['-u', stack.redis.url, '--scan'])).stdout.split('\n');
    const contents = await Promise.all(
      dump.map((key) => execa('redis-cli', ['-u', stack.redis.url, 'hgetall', key]).then(({ stdout }) => stdout)),
    );
    assert.ok(contents.join('').includes('e2e'), 'jobs are there');
    assert.doesNotMatch(contents.join('\n'), /PRIVATE KEY|client-key-data|eyJhbGci|BEGIN CERTIFICATE/);
  });

  it('replaces its keys: earlier kubeconfigs and tokens stop working, the mesh still works, and people get new files', async () => {
    const { slack } = stack;
    const inVc1 = (file: string, ...args: string[]) => kubectlWith(file, '--context', 'vc1', ...args);
    const pod = await inVc1(
      kubeconfig,
      '-n',
      'sample',
      'get',
      'pods',
      '-l',
      'app=sleep',
      '-o',
      'jsonpath={.items[0].metadata.name}',
    );
    const ofAccount = await inVc1(kubeconfig, '-n', 'kubernetes-dashboard', 'create', 'token', 'admin-user');
    // As vcluster writes them to the annotations of pods in the host.
    const bound = ['--bound-object-kind', 'Pod', '--bound-object-name', pod];
    const ofPod = await inVc1(kubeconfig, '-n', 'sample', 'create', 'token', 'sleep', ...bound);
    const whoami = ['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'];
    for (const token of [ofAccount, ofPod])
      assert.match(await inVc1(withToken(kubeconfig, token), ...whoami), /^system:serviceaccount:/);
    const direct = await slack.directMessages(slack.bob.userId);
    const [ofBob] = (await slack.files(direct)).filter(({ name }) => /kubeconfig/.test(name));

    await stack.confirm(slack.alice, 'revoke e2e');
    await waitFor(
      'new keys, in the thread of the card',
      async () => {
        const texts = (await slack.replies(slack.channel)).map(textOf);
        const failure = texts.find((text) => /Replacing the keys of demo .* failed/.test(text));
        if (failure) throw new Error(failure);
        return texts.some((text) => /Demo \*e2e\* has new keys/.test(text));
      },
      { withinMs: createWithinMs, everyMs: 500 },
    );

    // Slack no longer has the files with the old keys.
    const contentsIn = async (channel: string) =>
      (await slack.files(channel)).filter(({ name }) => /kubeconfig/.test(name)).map(({ content }) => content);
    const renewed = await waitFor(
      'new files in place of the old ones',
      async () => {
        const [[shared, ...others], [ofBobNow, ...othersOfBob]] = [
          await contentsIn(slack.channel),
          await contentsIn(direct),
        ];
        const areNew = shared !== kubeconfig && ofBobNow !== undefined && ofBobNow !== ofBob!.content;
        return areNew && others.length === 0 && othersOfBob.length === 0 && shared;
      },
      { withinMs: minute },
    );
    const refusal = /Unauthorized|must be logged in|unknown authority/;
    for (const context of ['vc1', 'vc2']) {
      await assert.rejects(kubectlWith(kubeconfig, '--context', context, 'get', 'namespaces'), refusal);
      assert.match(
        await kubectlWith(renewed, '--context', context, 'get', 'namespaces', '-o', 'name'),
        /namespace\/sample/,
      );
    }
    // With the new CA, so that only the token can be the reason for a refusal.
    for (const token of [ofAccount, ofPod]) await assert.rejects(inVc1(withToken(renewed, token), ...whoami), refusal);
    kubeconfig = renewed;
    await stack.type(slack.bob, 'verify e2e --requests 24');
    await waitFor(
      'both versions to answer with the new keys',
      async () =>
        (await slack.messages(slack.channel)).map(textOf).filter((text) => /v1: [1-9]\d* · v2: [1-9]/.test(text))
          .length > 1,
      { withinMs: minute, everyMs: 500 },
    );
  });

  it('is deleted after a confirmation, and nothing is left', () => deleteDemo('e2e'));

  it('reports a namespace of the same name that is not its own, and does not touch it', async () => {
    await kubectl('create', 'namespace', 'foreign-vc1');
    try {
      await stack.type(stack.slack.alice, 'create foreign');
      const text = textOf(await stack.message(/Creating demo \*foreign\* failed/, minute));
      assert.match(text, /namespace foreign-vc1 that does not belong to demo foreign/);
      assert.match(text, /Nothing was created/);
      assert.equal(await kubectl('get', 'namespace', 'foreign-vc1', '-o', 'jsonpath={.metadata.annotations}'), '');
    } finally {
      await kubectl('delete', 'namespace', 'foreign-vc1', '--wait=false');
    }
    assert.equal(await remainders('foreign'), '');
  });

  it('suggests the closest name for a demo that does not exist', async () => {
    await stack.type(stack.slack.alice, 'status nowhere');
    await stack.whisper(stack.slack.alice, /There is no demo nowhere/);
  });
});

describe('a worker that is killed in the middle of a create', () => {
  it('has its job resumed by another worker, with the same result', async () => {
    const { slack } = stack;
    const first = await stack.startWorker();
    await stack.type(slack.alice, 'create crash');
    await waitFor(
      'both virtual clusters to be installed',
      async () => {
        const releases = await kubectl('get', 'secret', '-A', '-l', 'owner=helm,status=deployed', '-o', 'name');
        return releases.split('\n').filter((name) => name.includes('.vc')).length === 2;
      },
      { withinMs: 2 * minute },
    );
    await first.kill('SIGKILL');
    const second = await stack.startWorker();
    try {
      await stack.message(/Demo \*crash\* of .* is ready/, createWithinMs);
      const files = await waitFor('the kubeconfig of crash', async () => {
        const sent = (await slack.files(slack.channel)).filter(({ name }) => name === 'crash.kubeconfig.yaml');
        return sent.length > 0 && sent;
      });
      assert.equal(files.length, 1);
      const cards = (await slack.messages(slack.channel)).map(textOf).filter((text) => /demo crash /i.test(text));
      assert.equal(cards.length, 1, 'the card of the killed worker goes on');
      await stack.type(slack.alice, 'verify crash');
      assert.match(textOf(await stack.message(/crash.*requests from sleep/s, minute)), /v1: [1-9]\d* · v2: [1-9]/);
      await deleteDemo('crash');
    } finally {
      await second.kill('SIGTERM');
    }
  });
});

describe('a host cluster in which a create cannot succeed', () => {
  /** A separate worker with other settings; resolves with what the person reads. */
  async function failureOf(demo: string, environment: Record<string, string>): Promise<string> {
    const own = await startStack(environment);
    try {
      await own.startWorker();
      await own.type(own.slack.alice, `create ${demo}`);
      return textOf(await own.message(new RegExp(`(Creating demo \\*|create )${demo}\\S* failed`), 2 * minute));
    } finally {
      await own.close();
    }
  }

  it('reports that admission refuses sidecars, with the remedy, and leaves nothing behind', async () => {
    const file = join(directory, 'restricted.yaml');
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    const settings = parse(await readFile(process.env.VCDEMO_CONFIG!, 'utf8')) as object;
    await writeFile(file, stringify({ ...settings, namespace: { labels } }));
    const message = await failureOf('refused', { VCDEMO_CONFIG: file });
    assert.match(message, /violates PodSecurity "restricted/);
    assert.match(message, /pod-security\.kubernetes\.io\/enforce: privileged/);
    assert.equal(await remainders('refused'), '');
  });

  it('reports every missing permission before anything is created', async () => {
    await kubectl('create', 'serviceaccount', 'vcdemo-powerless', '-n', 'default');
    try {
      const role = ['create', 'clusterrolebinding', 'vcdemo-powerless', '--clusterrole=view'];
      await kubectl(...role, '--serviceaccount=default:vcdemo-powerless');
      // Claims need Leases: that is its only write permission.
      const leases = ['create', 'clusterrole', 'vcdemo-powerless', '--verb=get,create,update,delete'];
      await kubectl(...leases, '--resource=leases.coordination.k8s.io');
      const binding = ['create', 'clusterrolebinding', 'vcdemo-powerless-leases', '--clusterrole=vcdemo-powerless'];
      await kubectl(...binding, '--serviceaccount=default:vcdemo-powerless');
      const token = await kubectl('create', 'token', 'vcdemo-powerless', '-n', 'default');
      const file = join(directory, 'powerless');
      const host = await kubectl('config', 'view', '--raw', '--minify', '-o', 'json');
      await writeFile(file, withToken(host, token), { mode: 0o600 });
      const message = await failureOf('powerless', { KUBECONFIG: file });
      assert.match(
        message,
        /permissions it needs in the host cluster\. Missing: namespaces: create, patch, delete; .*; secrets: /,
      );
      assert.match(message, /statefulsets\.apps: create, patch, delete, update/);
      assert.doesNotMatch(message, /leases|pods: get/);
      assert.equal(await remainders('powerless'), '');
    } finally {
      await kubectl('delete', 'serviceaccount', 'vcdemo-powerless', '-n', 'default');
      await kubectl('delete', 'clusterrole', 'vcdemo-powerless');
      await kubectl('delete', 'clusterrolebinding', 'vcdemo-powerless', 'vcdemo-powerless-leases');
    }
  });
});

function withToken(kubeconfig: string, token: string): string {
  const parsed = parse(kubeconfig) as { users: { user: object }[] };
  return JSON.stringify({ ...parsed, users: parsed.users.map((entry) => ({ ...entry, user: { token } })) });
}

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { execa } from 'execa';
import { parse, stringify } from 'yaml';
import { readDemoConfig } from '../../src/config.js';
import { hostnameOf } from '../../src/k8s/virtual-cluster/hostnames.js';
import { causesIn } from '../../scripts/seen-causes.js';
import { startStack, textOf, type Stack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/*
 * npm run test:causes: every cause that `/vcdemo verify` names, made for real in one demo on the cluster of KUBECONFIG with
 * the settings of VCDEMO_CONFIG. The right one is named, and Repair, or undoing what somebody else made, ends in a pass.
 * CAUSES_KEEP leaves the demo for the next run. NetworkPolicies must be enforced, or that cause is skipped. What was seen is
 * written to VCDEMO_CAUSES_OUT, JSON by cause, from which `npm run -s causes -- FILE` fills the table in docs/verify.md.
 */

if (!process.env.KUBECONFIG) {
  process.stderr.write('These tests need a cluster: set KUBECONFIG (and VCDEMO_CONFIG, see examples/).\n');
  process.exit(1);
}

const demo = 'causes';
const minute = 60_000;
type Name = 'vc1' | 'vc2';
const names = ['vc1', 'vc2'] as const;
const config = readDemoConfig(process.env.VCDEMO_CONFIG);

/** What people read, by cause. */
const seen: Record<string, string> = {};
const seenFile = process.env.VCDEMO_CAUSES_OUT ?? join(tmpdir(), 'vcdemo-causes.json');

let directory: string;
let stack: Stack;
let isCreated = false;

/** kubectl in the host cluster. */
const inHost = async (...args: string[]) => (await execa('kubectl', args)).stdout;
/** kubectl in a virtual cluster, with its administrator's credentials. */
async function kubectl(name: Name, ...args: string[]): Promise<string> {
  return (await execa('kubectl', ['--kubeconfig', join(directory, name), ...args])).stdout;
}
async function applyIn(name: Name, manifest: object): Promise<void> {
  await execa('kubectl', ['--kubeconfig', join(directory, name), 'apply', '-f', '-'], {
    input: JSON.stringify(manifest),
  });
}

/** The administrator's kubeconfigs, which outlive whatever happens to the delivered one. */
async function writeKubeconfigs(): Promise<void> {
  for (const name of names) {
    const data = await inHost('-n', `${demo}-${name}`, 'get', 'secret', `vc-${name}`, '-o', 'jsonpath={.data.config}');
    const kubeconfig = parse(Buffer.from(data, 'base64').toString('utf8')) as { clusters: { cluster: object }[] };
    const server = `https://${hostnameOf(config, 'api', demo, name)}:443`;
    const clusters = kubeconfig.clusters.map((entry) => ({ ...entry, cluster: { ...entry.cluster, server } }));
    await writeFile(join(directory, name), stringify({ ...kubeconfig, clusters }), { mode: 0o600 });
  }
}

const rollOut = async (name: Name, namespace: string, ...deployments: string[]) => {
  for (const deployment of deployments) {
    await kubectl(name, '-n', namespace, 'rollout', 'restart', `deployment/${deployment}`);
    await kubectl(name, '-n', namespace, 'rollout', 'status', `deployment/${deployment}`, '--timeout=120s');
  }
};
const inject = (name: Name, isOn: boolean) =>
  kubectl(name, 'label', 'namespace', 'sample', isOn ? 'istio-injection=enabled' : 'istio-injection-');

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vcdemo-causes-'));
  stack = await startStack();
  await stack.startWorker();
  await stack.type(stack.slack.alice, `create ${demo} --ttl 3h`);
  const created = stack.message(new RegExp(`Demo \\*${demo}\\* .*is ready|Creating demo .* failed`), 10 * minute);
  const isKept = stack.whisper(stack.slack.alice, /Nothing was started/, 10 * minute);
  const first = await Promise.any([created.then(textOf), isKept]);
  assert.doesNotMatch(first, /failed/);
  isCreated = true;
  await writeKubeconfigs();
});
after(async () => {
  if (isCreated && !process.env.CAUSES_KEEP) {
    await stack.confirm(stack.slack.alice, `delete ${demo}`);
    await stack.message(new RegExp(`Demo \\*${demo}\\* has been deleted`), 5 * minute);
  }
  await stack?.close();
  await rm(directory, { recursive: true, force: true });
});

const said = async (pattern: RegExp) =>
  (await stack.slack.messages(stack.slack.channel)).filter((one) => pattern.test(textOf(one)));
const verdicts = () => said(/^(?=[\s\S]*details are in the thread)/);

async function verify() {
  const before = (await verdicts()).length;
  const { body } = await stack.type(stack.slack.bob, `verify ${demo}`);
  const whispered = () => stack.slack.ephemeral(stack.slack.bob.userId).at(-1)?.text;
  return await waitFor('the verdict', async () => (await verdicts())[before], {
    withinMs: 3 * minute,
    everyMs: 500,
    seen: () => `${body.text}; then: ${whispered()}`,
  });
}

/** Verifies until the text fits: what was made takes a moment to show. */
async function verifyUntil(what: string, patterns: readonly RegExp[]): Promise<string> {
  let text = '';
  await waitFor(
    what,
    async () => {
      text = textOf(await verify());
      return patterns.every((pattern) => pattern.test(text));
    },
    { withinMs: 3 * minute, everyMs: 1000, seen: () => text },
  );
  return text;
}

/** Presses Repair under the last verdict, and waits for the end of the create that it starts. */
async function repair(command: string): Promise<void> {
  const ended = new RegExp(`Demo \\*${demo}\\* .*is ready|(Creating|Completing) demo \\*${demo}\\*.* failed`);
  // In the thread of the card, which is edited in place.
  const ends = async () => (await stack.slack.replies(stack.slack.channel)).filter((one) => ended.test(textOf(one)));
  const before = (await ends()).length;
  await stack.press(stack.slack.alice, 'run:0', command);
  const end = await waitFor('the repair', async () => (await ends())[before], { withinMs: 5 * minute, everyMs: 500 });
  assert.doesNotMatch(textOf(end), /failed/);
}

interface Fault {
  topic: string;
  make: () => Promise<unknown>;
  /** What the verdict has to say. */
  says: RegExp[];
  /** Undoes what somebody else made; otherwise Repair is pressed. */
  undo?: () => Promise<unknown>;
  /** Whether Repair restarts something. */
  restarts?: true;
  /** What is left of it after Repair. */
  cleanUp?: () => Promise<unknown>;
}

const remoteSecret = 'istio-remote-secret-vc2';
const helloworldHost = 'helloworld.sample.svc.cluster.local';
const inSample = (kind: string, apiVersion: string, name: string, spec: object) => ({
  ...{ apiVersion, kind, metadata: { name, namespace: 'sample' } },
  spec,
});

async function patchRemoteSecret(change: (text: string) => string): Promise<void> {
  const data = await kubectl('vc1', '-n', 'istio-system', 'get', 'secret', remoteSecret, '-o', 'jsonpath={.data.vc2}');
  const changed = change(Buffer.from(data, 'base64').toString('utf8'));
  const patch = JSON.stringify({ data: { vc2: Buffer.from(changed).toString('base64') } });
  await kubectl('vc1', '-n', 'istio-system', 'patch', 'secret', remoteSecret, '--type=merge', '-p', patch);
}

/** Another root for vc2, as somebody might who follows the guide for that cluster alone. */
async function changeRoot(): Promise<void> {
  const file = (name: string) => join(directory, name);
  const subject = ['-nodes', '-keyout'];
  await execa('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    ...subject,
    file('root.key'),
    '-out',
    file('root.pem'),
    '-days',
    '30',
    '-subj',
    '/O=Other/CN=Root',
  ]);
  await execa('openssl', [
    'req',
    '-newkey',
    'rsa:2048',
    ...subject,
    file('ca.key'),
    '-out',
    file('ca.csr'),
    '-subj',
    '/O=Other/CN=Intermediate',
  ]);
  await writeFile(file('ca.ext'), 'basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n');
  await execa('openssl', [
    'x509',
    '-req',
    '-in',
    file('ca.csr'),
    '-CA',
    file('root.pem'),
    '-CAkey',
    file('root.key'),
    '-CAcreateserial',
    '-days',
    '20',
    '-out',
    file('ca.pem'),
    '-extfile',
    file('ca.ext'),
  ]);
  await execa('sh', ['-c', 'cat "$1" "$2" > "$3"', 'sh', file('ca.pem'), file('root.pem'), file('chain.pem')]);
  const files = {
    'ca-cert.pem': 'ca.pem',
    'ca-key.pem': 'ca.key',
    'cert-chain.pem': 'chain.pem',
    'root-cert.pem': 'root.pem',
  };
  const from = Object.entries(files).map(([key, name]) => `--from-file=${key}=${file(name)}`);
  const secret = await kubectl(
    'vc2',
    '-n',
    'istio-system',
    'create',
    'secret',
    'generic',
    'cacerts',
    ...from,
    '--dry-run=client',
    '-o',
    'json',
  );
  await kubectl('vc2', '-n', 'istio-system', 'delete', 'secret', 'cacerts');
  await applyIn('vc2', JSON.parse(secret) as object);
  await rollOut('vc2', 'istio-system', 'istiod');
  await rollOut('vc2', 'sample', 'helloworld-v2', 'sleep');
}

/** A sleep without a sidecar in a namespace that is labelled. */
async function bareSleep(): Promise<void> {
  await inject('vc1', false);
  await rollOut('vc1', 'sample', 'sleep');
  await inject('vc1', true);
}

/** The demo's own kubeconfig with a certificate of vc1's CA that is valid for seconds. */
async function expireCertificate(): Promise<void> {
  const secretName = 'vcdemo-kubeconfig';
  const host = ['-n', `${demo}-vc1`];
  const secret = JSON.parse(await inHost(...host, 'get', 'secret', secretName, '-o', 'json')) as {
    data: Record<string, string>;
  };
  const certs = JSON.parse(await inHost(...host, 'get', 'secret', 'vc1-certs', '-o', 'json')) as {
    data: Record<string, string>;
  };
  const decode = (text = '') => Buffer.from(text, 'base64').toString('utf8');
  const file = (name: string) => join(directory, name);
  await writeFile(file('client-ca.crt'), decode(certs.data['client-ca.crt']), { mode: 0o600 });
  await writeFile(file('client-ca.key'), decode(certs.data['client-ca.key']), { mode: 0o600 });
  const { kubeconfig: text } = secret.data; // beside that of vc-client
  const kubeconfig = parse(decode(text)) as { users: { name: string; user: Record<string, string> }[] };
  const { user } = kubeconfig.users[0]!;
  await writeFile(file('user.key'), decode(user['client-key-data']), { mode: 0o600 });
  await writeFile(file('user.crt'), decode(user['client-certificate-data']));
  const { stdout: subject } = await execa('openssl', [
    'x509',
    '-in',
    file('user.crt'),
    '-noout',
    '-subject',
    '-nameopt',
    'compat',
  ]);
  await execa('openssl', [
    'req',
    '-new',
    '-key',
    file('user.key'),
    '-subj',
    subject.replace(/^subject=\s*/, '').trim(),
    '-out',
    file('user.csr'),
  ]);
  await execa('openssl', ['ca', '-version']).catch(() => undefined);
  const ends = new Date(Date.now() - 5000);
  const stamp = (date: Date) => date.toISOString().replace(/[-:T]/g, '').slice(0, 14) + 'Z';
  await writeFile(file('index.txt'), '');
  await writeFile(file('serial'), '1000\n');
  await writeFile(
    file('ca.conf'),
    `[ca]\ndefault_ca=d\n[d]\ndatabase=${file('index.txt')}\nserial=${file('serial')}\nnew_certs_dir=${directory}\npolicy=p\ndefault_md=sha256\nx509_extensions=e\n[p]\ncommonName=supplied\norganizationName=optional\n[e]\nextendedKeyUsage=clientAuth\n`,
  );
  await execa('openssl', [
    'ca',
    '-batch',
    '-config',
    file('ca.conf'),
    '-in',
    file('user.csr'),
    '-out',
    file('short.crt'),
    '-cert',
    file('client-ca.crt'),
    '-keyfile',
    file('client-ca.key'),
    '-startdate',
    stamp(new Date(ends.getTime() - minute)),
    '-enddate',
    stamp(ends),
    '-notext',
    '-preserveDN',
  ]);
  const { stdout: short } = await execa('openssl', ['x509', '-in', file('short.crt')]);
  user['client-certificate-data'] = Buffer.from(`${short}\n`).toString('base64');
  const patch = { data: { kubeconfig: Buffer.from(stringify(kubeconfig)).toString('base64') } };
  await inHost(...host, 'patch', 'secret', secretName, '--type=merge', '-p', JSON.stringify(patch));
}

const pairPolicy = ['-n', `${demo}-vc2`, 'networkpolicy', 'vcdemo-pair'] as const;

const faults: Fault[] = [
  {
    topic: 'a remote secret with the wrong address',
    // A running istiod keeps the endpoints that it had, and requests go on: verify passes, with a warning.
    make: async () => {
      await patchRemoteSecret((text) => text.replace(/server: .*/, 'server: https://10.96.255.254:443'));
      await rollOut('vc1', 'istio-system', 'istiod');
    },
    says: [/\*(Cause|Fault, .*):\* a remote secret has the wrong address\n> vc1: .*10\.96\.255\.254/],
  },
  {
    topic: 'a remote secret that was deleted',
    make: () => kubectl('vc1', '-n', 'istio-system', 'delete', 'secret', remoteSecret),
    // istiod may keep the endpoints that it knows, so that requests are answered nevertheless.
    says: [/\*(Cause|Fault, .*):\* a remote secret is missing\n> vc1:/],
  },
  {
    topic: 'a version that is scaled to 0',
    make: () => kubectl('vc2', '-n', 'sample', 'scale', 'deployment/helloworld-v2', '--replicas=0'),
    says: [/\*Cause:\* a version of helloworld is not running\n> vc2:/],
  },
  {
    topic: 'a Service that is missing in one cluster',
    make: () => kubectl('vc1', '-n', 'sample', 'delete', 'service', 'helloworld'),
    says: [/\*Cause:\* the Service is missing in one cluster\n> vc1:/],
  },
  {
    topic: 'two causes at once',
    make: async () => {
      await kubectl('vc1', '-n', 'istio-system', 'delete', 'secret', remoteSecret);
      await kubectl('vc2', '-n', 'sample', 'delete', 'service', 'helloworld');
    },
    says: [
      /\*(Cause|Fault, .*):\* a remote secret is missing\n> vc1:/,
      /\*Also:\* the Service is missing in one cluster\n> vc2:/,
    ],
  },
  {
    topic: 'a sleep that is missing',
    make: () => kubectl('vc1', '-n', 'sample', 'delete', 'deployment', 'sleep'),
    says: [/\*Cause:\* sleep is missing\n> vc1:/],
  },
  {
    topic: 'rules that pin a subset',
    make: async () => {
      const subsets = ['v1', 'v2'].map((version) => ({ name: version, labels: { version } }));
      await applyIn(
        'vc1',
        inSample('DestinationRule', 'networking.istio.io/v1', 'pin', { host: helloworldHost, subsets }),
      );
      const http = [{ route: [{ destination: { host: helloworldHost, subset: 'v1' } }] }];
      await applyIn(
        'vc1',
        inSample('VirtualService', 'networking.istio.io/v1', 'pin', { hosts: [helloworldHost], http }),
      );
    },
    says: [/\*Cause:\* a rule routes the requests elsewhere\n> vc1: VirtualService sample\/pin routes to subset v1/],
    undo: () => kubectl('vc1', '-n', 'sample', 'delete', 'virtualservice/pin', 'destinationrule/pin'),
  },
  {
    topic: 'an AuthorizationPolicy that denies',
    make: () =>
      applyIn('vc2', inSample('AuthorizationPolicy', 'security.istio.io/v1', 'deny', { action: 'DENY', rules: [{}] })),
    says: [/\*Cause:\* an AuthorizationPolicy denies the requests\n> vc2: AuthorizationPolicy sample\/deny/],
    undo: () => kubectl('vc2', '-n', 'sample', 'delete', 'authorizationpolicy', 'deny'),
  },
  {
    topic: 'a rule that answers requests itself',
    make: () => {
      const fault = { abort: { httpStatus: 500, percentage: { value: 100 } } };
      const http = [{ fault, route: [{ destination: { host: helloworldHost } }] }];
      const spec = { hosts: [helloworldHost], http };
      return applyIn('vc1', inSample('VirtualService', 'networking.istio.io/v1', 'chaos', spec));
    },
    says: [
      /\*Cause:\* a rule makes requests fail or wait\n> vc1: VirtualService sample\/chaos answers 100 % of the requests with HTTP 500 itself/,
    ],
    undo: () => kubectl('vc1', '-n', 'sample', 'delete', 'virtualservice/chaos'),
  },
  {
    topic: 'a Service with another selector',
    make: () =>
      kubectl('vc2', '-n', 'sample', 'patch', 'service', 'helloworld', '-p', '{"spec":{"selector":{"app":"hello"}}}'),
    says: [/\*Cause:\* the Service does not point to the pods of helloworld\n> vc2: the selector .*app=hello\)/],
  },
  {
    topic: 'a namespace that is not labelled',
    make: async () => {
      await inject('vc1', false);
      await rollOut('vc1', 'sample', 'sleep');
    },
    says: [/\*(Cause|Fault, .*):\* the namespace is not labelled for injection\n> vc1:/],
    restarts: true,
  },
  {
    topic: 'PeerAuthentication that refuses a pod without a sidecar',
    make: async () => {
      await bareSleep();
      await applyIn(
        'vc1',
        inSample('PeerAuthentication', 'security.istio.io/v1', 'strict', { mtls: { mode: 'STRICT' } }),
      );
    },
    says: [
      /\*Cause:\* pods have no sidecar\n> vc1:/,
      /\*Also:\* PeerAuthentication refuses pods without a sidecar\n> vc1: /,
    ],
    restarts: true,
    cleanUp: () => kubectl('vc1', '-n', 'sample', 'delete', 'peerauthentication', 'strict'),
  },
  {
    topic: 'an istiod that is down',
    make: async () => {
      await kubectl('vc1', '-n', 'istio-system', 'scale', 'deployment/istiod', '--replicas=0');
      await kubectl('vc1', '-n', 'sample', 'delete', 'pods', '-l', 'app=sleep');
    },
    says: [/\*Cause:\* istiod is down\n> vc1: istiod is not ready: Deployment istio-system\/istiod is scaled to 0/],
  },
  {
    topic: 'different roots',
    make: changeRoot,
    says: [/\*(Cause|Fault, .*):\* the clusters have different root CAs\n> vc1: its root CA differs from vc2's/],
    restarts: true,
  },
  {
    topic: 'an istiod that works with another root than that of its Secret',
    make: async () => {
      const secret = JSON.parse(
        await kubectl('vc2', '-n', 'istio-system', 'get', 'secret', 'cacerts', '-o', 'json'),
      ) as {
        data: object;
      };
      await changeRoot();
      const { data } = secret;
      await kubectl('vc2', '-n', 'istio-system', 'patch', 'secret', 'cacerts', '-p', JSON.stringify({ data }));
    },
    says: [
      /\*(Cause|Fault, .*):\* the clusters have different root CAs\n> vc2: istiod uses another root CA than that of Secret cacerts/,
    ],
    restarts: true,
  },
  {
    topic: 'an expired client certificate',
    make: expireCertificate,
    says: [
      /\*(Cause|Fault, .*):\* the client certificate has expired\n> vc1: the client certificate of the kubeconfig expired at/,
    ],
  },
  {
    topic: 'a virtual cluster that is down',
    make: () => inHost('-n', `${demo}-vc2`, 'scale', 'statefulset/vc2', '--replicas=0'),
    says: [/\*Cause:\* a virtual cluster is down\n> vc2: its API does not answer/],
  },
  {
    topic: 'a CA that was changed',
    make: async () => {
      const pod = ['-n', `${demo}-vc2`, 'exec', 'vc2-0', '-c', 'syncer', '--'];
      await inHost(...pod, '/vcluster', 'certs', 'rotate-ca');
      await inHost('-n', `${demo}-vc2`, 'delete', 'pod', 'vc2-0');
      await inHost('-n', `${demo}-vc2`, 'rollout', 'status', 'statefulset/vc2', '--timeout=180s');
      await writeKubeconfigs();
    },
    says: [
      /\*(Cause|Also|Fault, .*):\* a cluster's CA was changed\n> vc1: the remote secret's CA is not the one that vc2's API uses now/,
    ],
    restarts: true,
  },
  {
    topic: 'a NetworkPolicy that cuts the pair',
    make: async () => {
      const own = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': `${demo}-vc2` } } };
      const patch = [{ op: 'replace', path: '/spec/ingress', value: [{ from: [own] }] }];
      await inHost('patch', ...pairPolicy, '--type=json', '-p', JSON.stringify(patch));
      await rollOut('vc1', 'sample', 'sleep');
    },
    says: [
      /\*(Cause|Also):\* a NetworkPolicy in the host cluster blocks traffic between the two virtual clusters\n> vc1: NetworkPolicy causes-vc2\/vcdemo-pair \(ingress\)/,
    ],
  },
];

describe('verify of a demo in which something was broken for real', () => {
  it('passes at first', async () => void (await verifyUntil('a pass', [/the mesh works/])));

  for (const { topic, make, says, undo, restarts, cleanUp } of faults)
    it(`names ${topic}, and mending it ends in a pass`, async (test) => {
      await make();
      const text = await verifyUntil(`${topic} to be named`, says).catch(async (error: unknown) => {
        await (undo ? undo() : repair(`create ${demo} --restart`)); // so that the next fault is alone
        throw error;
      });
      test.diagnostic(`\n${text}\n`);
      // After each, so that a run that does not get to its end is of use too.
      await writeFile(seenFile, `${JSON.stringify(Object.assign(seen, causesIn(text)), null, 2)}\n`);
      assert.equal(/Repair/.test(text), undo === undefined, 'Repair is offered where the bot made it');
      if (undo) await undo();
      else await repair(`create ${demo}${restarts ? ' --restart' : ''}`);
      await verifyUntil('a pass', [/the mesh works/]);
      await cleanUp?.();
    });
});

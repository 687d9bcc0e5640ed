import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import { demoUser } from '../../src/k8s/credentials/user-certificate.js';
import { authorityCertificate, generateAuthorityKey, privateKeyPem } from '../../src/k8s/credentials/x509.js';
import type { VirtualClusterName } from '../../src/k8s/demo/demo.js';
import { apply, merge, read, readSecret, remove } from '../../src/k8s/client/objects.js';
import { ref, type Reference } from '../../src/k8s/client/manifest.js';
import { forgetRepeats } from '../support/redis.js';
import { runningDemo } from '../support/running-demo.js';
import { textOf } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* Bot and worker as processes of dist/; verify finds faults made in a demo's virtual clusters, and Repair fixes them. */

const remoteSecretOf = (name: VirtualClusterName) => ref('v1', 'Secret', `istio-remote-secret-${name}`, 'istio-system');
const inSample = (apiVersion: string, kind: string, name: string) => ref(apiVersion, kind, name, 'sample');

const base64 = (text: string) => Buffer.from(text).toString('base64');

interface Kubeconfig {
  clusters: { cluster: Record<string, string> }[];
  users: { user: Record<string, string> }[];
}

interface Route {
  metadata: { name: string };
  spec: { entryPoints: string[] };
}

describe('verify of a demo in which something was broken', () => {
  const demo = runningDemo('broken');
  const { virtual } = demo;
  const verdicts = async () =>
    (await demo.stack.slack.messages(demo.stack.slack.channel)).filter(({ text }) => /^broken: /.test(text));
  /** With the kubeconfig, in the thread of the card. */
  const readied = async () =>
    (await demo.stack.slack.replies(demo.stack.slack.channel)).filter((message) =>
      /Demo \*broken\* of .* is ready/.test(textOf(message)),
    );
  async function verify() {
    const before = (await verdicts()).length;
    await demo.stack.type(demo.stack.slack.bob, 'verify broken');
    return await waitFor('the verdict', async () => (await verdicts())[before], { withinMs: 60_000 });
  }
  const isThere = (text: string) => /the mesh works: both versions answer/.test(text);

  const edit = async (name: VirtualClusterName, reference: Reference, fields: object) =>
    void (await merge(await virtual(name), reference, fields));
  const removeFrom = async (name: VirtualClusterName, reference: Reference) => remove(await virtual(name), reference);

  /** Presses Repair, and waits until the demo is ready again. */
  async function repair(): Promise<void> {
    await forgetRepeats(demo.stack.redis);
    const before = (await readied()).length;
    await demo.stack.press(demo.stack.slack.bob, 'run:0', 'create broken');
    await waitFor('the repair', async () => (await readied()).length > before, { withinMs: 90_000 });
  }

  /** Changes the kubeconfig in its Secret, where it is written as `mergedKubeconfig` does. */
  async function rewriteKubeconfig(change: (kubeconfig: Kubeconfig) => void): Promise<void> {
    const { kubeconfig: text = '' } = (await readSecret(demo.hostCluster, 'vcdemo-kubeconfig', 'broken-vc1'))!;
    const kubeconfig = parse(text) as Kubeconfig;
    change(kubeconfig);
    const data = { kubeconfig: Buffer.from(stringify(kubeconfig)).toString('base64') };
    await merge(demo.hostCluster, ref('v1', 'Secret', 'vcdemo-kubeconfig', 'broken-vc1'), { data });
  }
  async function foreignCertificate() {
    const key = await generateAuthorityKey();
    const validity = { notBefore: new Date(Date.now() - 1000), notAfter: new Date(Date.now() + 3_600_000) };
    const certificate = authorityCertificate(key, { subject: [['CN', demoUser]], ...validity });
    return { certificate: base64(certificate), key: base64(privateKeyPem(key.privateKey)) };
  }

  const faults: [string, () => Promise<unknown>, RegExp[]][] = [
    [
      'a remote secret that was deleted',
      () => removeFrom('vc1', remoteSecretOf('vc2')),
      [
        /from vc1, v2 never answers/,
        /\*Cause:\* a remote secret is missing\n> vc1: istiod in vc1 has no remote secret for vc2/,
      ],
    ],
    [
      'a remote secret with the wrong address',
      async () => {
        const { vc2 = '' } = (await readSecret(await virtual('vc1'), 'istio-remote-secret-vc2', 'istio-system'))!;
        const wrong = vc2.replace(/server: .*/, 'server: https://10.96.255.254:443');
        await edit('vc1', remoteSecretOf('vc2'), { data: { vc2: Buffer.from(wrong).toString('base64') } });
      },
      [
        /\*Cause:\* a remote secret has the wrong address\n> vc1: the remote secret names https:\/\/10\.96\.255\.254:443, but/,
      ],
    ],
    [
      'a sleep that was deleted',
      () => removeFrom('vc1', inSample('apps/v1', 'Deployment', 'sleep')),
      [/from vc1, no request could be sent: there is no ready sleep pod in vc1/, /\*Cause:\* sleep is missing/],
    ],
    [
      'an istiod that was scaled to 0',
      () => edit('vc1', ref('apps/v1', 'Deployment', 'istiod', 'istio-system'), { spec: { replicas: 0 } }),
      [/istiod is down\n> vc1: istiod is not ready: Deployment istio-system\/istiod is scaled to 0/],
    ],
    [
      'a virtual cluster that was scaled to 0',
      () => merge(demo.hostCluster, ref('apps/v1', 'StatefulSet', 'vc2', 'broken-vc2'), { spec: { replicas: 0 } }),
      [
        /\*Cause:\* a virtual cluster is down\n> vc2: its API does not answer: .*\n> vc2: StatefulSet broken-vc2\/vc2 .* scaled to 0/,
      ],
    ],
    [
      'a kubeconfig whose certificates no API accepts',
      async () => {
        const { certificate, key } = await foreignCertificate();
        await rewriteKubeconfig(({ users }) => {
          for (const { user } of users)
            Object.assign(user, { 'client-certificate-data': certificate, 'client-key-data': key });
        });
      },
      [
        /although requests are answered:\* the demo's kubeconfig is out of date\n> vc1: the kubeconfig does not work: The API at broken-vc\d\..* does not accept the credentials/,
      ],
    ],
    [
      'a kubeconfig with an old CA',
      async () => {
        const { certificate } = await foreignCertificate();
        await rewriteKubeconfig(({ clusters }) => {
          for (const { cluster } of clusters) cluster['certificate-authority-data'] = certificate;
        });
      },
      [
        /although requests are answered:\* the demo's kubeconfig is out of date\n> vc1: the kubeconfig does not work: its CA is not the one that vc1's API uses now/,
      ],
    ],
    [
      'two causes at once',
      async () => {
        await removeFrom('vc1', inSample('v1', 'Service', 'helloworld'));
        await edit('vc2', inSample('apps/v1', 'Deployment', 'helloworld-v2'), { spec: { replicas: 0 } });
      },
      [
        /from vc1, no request is answered: Could not resolve host/,
        /\*Cause:\* a version of helloworld is not running\n> vc2: no pod of helloworld/,
        /\*Also:\* the Service is missing in one cluster\n> vc1: /,
      ],
    ],
    [
      'a NetworkPolicy of the demo that somebody changed',
      async () => {
        const own = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'broken-vc2' } } };
        const policy = ref('networking.k8s.io/v1', 'NetworkPolicy', 'vcdemo-pair', 'broken-vc2');
        await merge(demo.hostCluster, policy, { spec: { ingress: [{ from: [own] }] } });
      },
      [/a NetworkPolicy in the host cluster blocks .*\n> vc1: NetworkPolicy broken-vc2\/vcdemo-pair \(ingress\)/],
    ],
    [
      'a Service with another selector',
      () => edit('vc2', inSample('v1', 'Service', 'helloworld'), { spec: { selector: { app: 'hello' } } }),
      [/the Service does not point to the pods of helloworld\n> vc2: the selector .*\(app=hello\)/],
    ],
    [
      'a Service that was deleted beside a pod of somebody who wants no sidecar',
      async () => {
        const annotations = { 'sidecar.istio.io/inject': 'false' };
        const spec = { containers: [{ name: 'debug', image: 'curl' }] };
        const pod = {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'debug', namespace: 'sample', annotations },
          spec,
        };
        await apply(await virtual('vc1'), pod);
        await removeFrom('vc1', inSample('v1', 'Service', 'helloworld'));
      },
      [/\*Cause:\* the Service is missing in one cluster\n> vc1: (?![\s\S]*no sidecar)/],
    ],
  ];
  for (const [topic, make, patterns] of faults)
    it(`names ${topic}, and Repair ends in a pass`, async () => {
      await make();
      let text = '';
      await waitFor(
        'the fault to be named',
        async () => {
          text = textOf(await verify());
          return patterns.every((pattern) => pattern.test(text));
        },
        { withinMs: 90_000, seen: () => text },
      );
      await repair();
      const isMended = async () => {
        text = textOf(await verify());
        return isThere(text) && !patterns.every((pattern) => pattern.test(text));
      };
      await waitFor('a pass', isMended, { withinMs: 90_000, seen: () => text });
    });

  it('gets back its public address that somebody changed when it is created again', async () => {
    const route = ref('traefik.io/v1alpha1', 'IngressRouteTCP', 'vc1', 'broken-vc1');
    const entryPoints = async () => (await read<Route>(demo.hostCluster, route))!.spec.entryPoints;
    const before = await entryPoints();
    await merge(demo.hostCluster, route, { spec: { entryPoints: ['elsewhere'] } });
    await forgetRepeats(demo.stack.redis);
    const ends = (await readied()).length;
    await demo.stack.type(demo.stack.slack.alice, 'create broken');
    await waitFor('the demo to be ready again', async () => (await readied()).length > ends, { withinMs: 90_000 });
    assert.deepEqual(await entryPoints(), before);
  });

  it('names an istiod that does not notice a remote secret although requests are answered, and Repair restarts it', async () => {
    const named = /\*Fault, although requests are answered:\* istiod has not synced with the other cluster/;
    await demo.host.cluster.inject('secret-unnoticed');
    const text = textOf(await verify());
    assert.match(text, named);
    assert.match(text, /istiod in vc\d reports vc\d as `unknown to istiod`/);
    await repair();
    await waitFor('a verdict without the fault', async () => !named.test(textOf(await verify())), { withinMs: 90_000 });
    await demo.host.cluster.inject(undefined);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { readDemoConfig } from '../../src/config.js';
import type { AdmissionRuleId } from '../../src/config/admission.js';
import { policyRules } from '../../src/k8s/isolation/admission-policy.js';
import {
  asHost,
  asUser,
  copied,
  copyOf,
  must,
  namespaceOf,
  syncErrors,
  type Outcome,
  type VirtualObject,
  switchPolicy,
} from '../support/attack.js';
import { waitFor } from '../support/wait-for.js';

/*
 * A demo's user, inside the virtual cluster, tries to reach the host through the objects that vcluster copies. Each attempt
 * must succeed while the admission policy is switched off for this demo, and fail while it is on: nothing is created in the
 * host cluster, and the user is told why.
 */

const config = readDemoConfig(process.env.VCDEMO_CONFIG);
const cluster = 'vc1';
const hostNamespace = namespaceOf(cluster);
const namespace = 'attacks';
const image = config.images.sleep;
const proxyImage = `${config.istio.hub}/proxyv2:${config.istio.tag}`;

type Fields = Record<string, unknown>;
interface Attempt {
  rule: AdmissionRuleId;
  what: string;
  /** The objects to create; vcluster copies the last one. */
  objects: Fields[];
  kind: string;
  /** The part of the copy that shows that the attempt worked. */
  shows: RegExp;
}

// ------------------------------------------------------------------ the attempts

const named = (apiVersion: string, kind: string, fields: Fields, metadata: Fields = {}): Fields => ({
  apiVersion,
  kind,
  metadata: { name: 'NAME', ...metadata },
  ...fields,
});
/** Never scheduled: it is enough that it exists in the host. */
const podSpec = (spec: Fields = {}, container: Fields = {}): Fields => ({
  containers: [{ name: 'app', image, command: ['sleep', '3600'], ...container }],
  nodeSelector: { attack: 'nowhere' },
  terminationGracePeriodSeconds: 0,
  ...spec,
});
const podAttempt = (
  rule: AdmissionRuleId,
  what: string,
  shows: RegExp,
  spec: Fields = {},
  container: Fields = {},
  metadata: Fields = {},
): Attempt => ({
  rule,
  what,
  kind: 'Pod',
  shows,
  objects: [named('v1', 'Pod', { spec: podSpec(spec, container) }, metadata)],
});
/** Attempts with an object of this kind, whose spec has these fields too. */
const attemptsWith =
  (kind: string, base: Fields) =>
  (rule: AdmissionRuleId, what: string, shows: RegExp, spec: Fields, metadata: Fields = {}): Attempt => ({
    ...{ rule, what, kind, shows },
    objects: [named('v1', kind, { spec: { ...base, ...spec } }, metadata)],
  });
const serviceAttempt = attemptsWith('Service', { ports: [{ port: 80 }] });
const claimAttempt = attemptsWith('PersistentVolumeClaim', {
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: '1Mi' } },
});
/** vcluster leaves names and selectors of a claim as they are. */
const untranslated = { annotations: { 'vcluster.loft.sh/skip-translate': 'true' } };
/** vcluster copies only what pods use. */
const usedBy = (reference: Fields) =>
  named('v1', 'Pod', { spec: podSpec({}, { envFrom: [reference] }) }, { name: 'NAME-user' });
const host = { host: '127.0.0.1', port: 6443 };

const attempts: Attempt[] = [
  podAttempt('privileged', 'a privileged pod', /"privileged":true/, {}, { securityContext: { privileged: true } }),
  podAttempt('host-namespaces', 'the network of the node', /"hostNetwork":true/, { hostNetwork: true }),
  podAttempt('host-namespaces', 'the processes of the node', /"hostPID":true/, { hostPID: true }),
  podAttempt('host-namespaces', 'the IPC of the node', /"hostIPC":true/, { hostIPC: true }),
  podAttempt(
    'capabilities',
    'SYS_ADMIN',
    /"SYS_ADMIN"/,
    {},
    { securityContext: { capabilities: { add: ['SYS_ADMIN'] } } },
  ),
  podAttempt(
    'capabilities',
    'NET_ADMIN with evil/proxyv2',
    /evil\/proxyv2/,
    {},
    { image: 'evil/proxyv2:1', securityContext: { capabilities: { add: ['NET_ADMIN'] } } },
  ),
  podAttempt('capabilities', 'SYS_PTRACE in an init container', /SYS_PTRACE/, {
    initContainers: [{ name: 'init', image, securityContext: { capabilities: { add: ['SYS_PTRACE'] } } }],
  }),
  podAttempt('volumes', 'the root of the node', /"hostPath":\{"path":"\/"/, {
    volumes: [{ name: 'v', hostPath: { path: '/' } }],
  }),
  podAttempt('volumes', 'an NFS share', /"nfs":\{/, {
    volumes: [{ name: 'v', nfs: { server: '127.0.0.1', path: '/' } }],
  }),
  podAttempt('volumes', 'a driver’s inline volume', /"csi":\{/, {
    volumes: [{ name: 'v', csi: { driver: 'nfs.csi.k8s.io' } }],
  }),
  podAttempt(
    'host-ports',
    'a port of the node',
    /"hostPort":8080/,
    {},
    { ports: [{ containerPort: 80, hostPort: 8080 }] },
  ),
  podAttempt(
    'probe-hosts',
    'a probe that calls the API server from the node',
    /"host":"127.0.0.1"/,
    {},
    { livenessProbe: { httpGet: { ...host, scheme: 'HTTPS', path: '/version' } } },
  ),
  podAttempt(
    'probe-hosts',
    'a hook that calls from the node',
    /"host":"127.0.0.1"/,
    {},
    { lifecycle: { postStart: { tcpSocket: host } } },
  ),
  podAttempt('probe-hosts', 'a probe of a sidecar', /"host":"127.0.0.1"/, {
    initContainers: [{ name: 'init', image, restartPolicy: 'Always', startupProbe: { tcpSocket: host } }],
  }),
  podAttempt('seccomp', 'no seccomp', /Unconfined/, { securityContext: { seccompProfile: { type: 'Unconfined' } } }),
  podAttempt(
    'apparmor',
    'no AppArmor',
    /Unconfined/,
    {},
    { securityContext: { appArmorProfile: { type: 'Unconfined' } } },
  ),
  podAttempt('selinux', 'an SELinux type of the host', /spc_t/, {
    securityContext: { seLinuxOptions: { type: 'spc_t' } },
  }),
  podAttempt(
    'proc-mount',
    'all of /proc',
    /Unmasked/,
    { hostUsers: false },
    { securityContext: { procMount: 'Unmasked' } },
  ),
  podAttempt('sysctls', 'a sysctl of the node', /kernel\.msgmax/, {
    securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] },
  }),
  podAttempt('windows', 'credentials of a domain', /gmsaCredentialSpecName/, {
    securityContext: { windowsOptions: { gmsaCredentialSpecName: 'admin' } },
  }),
  podAttempt('tolerations', 'every node, whatever its taints', /"tolerations":.*\{"operator":"Exists"\}/, {
    tolerations: [{ operator: 'Exists' }],
  }),
  podAttempt('tolerations', 'the nodes of the control plane', /node-role\.kubernetes\.io\/control-plane/, {
    tolerations: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists' }],
  }),
  podAttempt(
    'resources',
    'a GPU',
    /"nvidia\.com\/gpu":"1"/,
    {},
    { resources: { limits: { 'nvidia.com/gpu': '1' }, requests: { 'nvidia.com/gpu': '1' } } },
  ),
  podAttempt(
    'annotations',
    'a network of the host',
    /k8s\.v1\.cni\.cncf\.io/,
    {},
    {},
    { annotations: { 'k8s.v1.cni.cncf.io/networks': 'host' } },
  ),
  podAttempt('grace-period', 'a pod that outlives its demo', /"terminationGracePeriodSeconds":315360000/, {
    terminationGracePeriodSeconds: 315_360_000,
  }),
  podAttempt(
    'reserved-labels',
    'the label of vc-client',
    /"app":"vc-client"/,
    {},
    {},
    { labels: { app: 'vc-client' } },
  ),
  podAttempt(
    'reserved-labels',
    'a label of vcdemo',
    /"vcdemo\.io\/demo":"other"/,
    {},
    {},
    { labels: { 'vcdemo.io/demo': 'other' } },
  ),
  serviceAttempt('external-ips', 'addresses of others', /"externalIPs":\["192\.0\.2\.1"\]/, {
    externalIPs: ['192.0.2.1'],
  }),
  serviceAttempt('service-type', 'a LoadBalancer', /"type":"LoadBalancer"/, { type: 'LoadBalancer' }),
  serviceAttempt('service-type', 'a port of every node', /"type":"NodePort"/, { type: 'NodePort' }),
  serviceAttempt('service-type', 'a name of the host', /"type":"ExternalName"/, {
    type: 'ExternalName',
    externalName: 'kubernetes.default.svc',
  }),
  serviceAttempt(
    'annotations',
    'a public name',
    /external-dns/,
    {},
    { annotations: { 'external-dns.alpha.kubernetes.io/hostname': 'www.example.com' } },
  ),
  {
    rule: 'endpoints',
    what: 'a Service that leads to the API server, by Endpoints',
    kind: 'Endpoints',
    shows: /192\.0\.2\.1/,
    objects: [
      named('v1', 'Service', { spec: { ports: [{ port: 443 }] } }),
      named('v1', 'Endpoints', { subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 6443 }] }] }),
    ],
  },
  {
    rule: 'endpoints',
    what: 'a Service that leads to the API server, by an EndpointSlice',
    kind: 'EndpointSlice',
    shows: /192\.0\.2\.1/,
    objects: [
      named('v1', 'Service', { spec: { ports: [{ port: 443 }] } }),
      named(
        'discovery.k8s.io/v1',
        'EndpointSlice',
        { addressType: 'IPv4', endpoints: [{ addresses: ['192.0.2.1'] }], ports: [{ port: 6443 }] },
        { labels: { 'kubernetes.io/service-name': 'NAME' } },
      ),
    ],
  },
  claimAttempt('volume-name', 'the volume of somebody else', /"volumeName":"pv-of-others"/, {
    volumeName: 'pv-of-others',
  }),
  claimAttempt('storage-class', 'volumes that exist, by no class', /"storageClassName":""/, { storageClassName: '' }),
  claimAttempt('storage-class', 'a class that is not for demos', /"storageClassName":"gold"/, {
    storageClassName: 'gold',
  }),
  claimAttempt(
    'storage-class',
    'a class that is not for demos, by its old annotation',
    /"(volume\.beta\.kubernetes\.io\/storage-class|storageClassName)":"gold"/,
    {},
    { annotations: { 'volume.beta.kubernetes.io/storage-class': 'gold' } },
  ),
  claimAttempt(
    'data-source',
    'a copy of the control plane’s volume',
    new RegExp(`data-${cluster}-0`),
    { dataSource: { kind: 'PersistentVolumeClaim', name: `data-${cluster}-0` } },
    untranslated,
  ),
  claimAttempt(
    'claim-fields',
    'one of the volumes that exist',
    /"selector":/,
    { selector: { matchLabels: { of: 'others' } } },
    untranslated,
  ),
  {
    rule: 'helm-releases',
    what: 'a release for the worker’s helm',
    kind: 'Secret',
    shows: /"owner":"helm"/,
    objects: [
      usedBy({ secretRef: { name: 'NAME' } }),
      named(
        'v1',
        'Secret',
        { stringData: { release: 'x' } },
        { labels: { owner: 'helm', name: cluster, status: 'superseded', version: '1' } },
      ),
    ],
  },
  {
    rule: 'reserved-labels',
    what: 'an annotation of vcdemo',
    kind: 'ConfigMap',
    shows: /"vcdemo\.io\/expires"/,
    objects: [
      usedBy({ configMapRef: { name: 'NAME' } }),
      named('v1', 'ConfigMap', { data: { a: 'b' } }, { annotations: { 'vcdemo.io/expires': 'never' } }),
    ],
  },
];

// ------------------------------------------------------------------ the policy, off and on

/** The quota does not allow LoadBalancers and NodePorts either; that defence has its own tests. */
async function switchQuotas(to: 'on' | 'off'): Promise<void> {
  const quotas = JSON.parse(await must(asHost(['-n', hostNamespace, 'get', 'resourcequota', '-o', 'json']))) as {
    items: Quota[];
  };
  for (const { metadata, spec } of quotas.items) {
    const amount = to === 'off' ? '10' : '0';
    const kinds = Object.keys(spec.hard).filter((name) => /^services\.(loadbalancers|nodeports)$/.test(name));
    const hard = Object.fromEntries(kinds.map((name) => [name, amount]));
    await must(
      asHost([
        '-n',
        hostNamespace,
        'patch',
        'resourcequota',
        metadata.name,
        '--type=merge',
        '-p',
        JSON.stringify({ spec: { hard } }),
      ]),
    );
  }
}
interface Quota {
  metadata: { name: string };
  spec: { hard: Record<string, string> };
}

function objectsOf({ objects }: Attempt, name: string): Fields {
  const items = JSON.parse(JSON.stringify(objects).replaceAll('NAME', name)) as { metadata: Fields }[];
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: items.map((item) => ({ ...item, metadata: { ...item.metadata, namespace } })),
  };
}

const createAs = (attempt: Attempt, name: string): Promise<Outcome> =>
  asUser(cluster, ['create', '-f', '-'], objectsOf(attempt, name));
const removeAs = (attempt: Attempt, name: string) =>
  asUser(cluster, ['delete', '--ignore-not-found', '--force', '--wait=false', '-f', '-'], objectsOf(attempt, name));
const subject = ({ kind }: Attempt, name: string): VirtualObject => ({ kind, name, namespace });

describe('what a demo’s user creates in the virtual cluster', () => {
  before(async () => {
    await must(asUser(cluster, ['create', 'namespace', namespace]));
    await switchPolicy('off');
    await switchQuotas('off');
  });
  after(async () => {
    await switchQuotas('on');
    await switchPolicy('on');
    await asUser(cluster, ['delete', 'namespace', namespace, '--wait=false']);
  });

  describe('without the policy', () => {
    for (const [index, attempt] of attempts.entries())
      it(`gets ${attempt.what} in the host cluster`, async () => {
        const name = `off-${index}`;
        try {
          await must(createAs(attempt, name));
          const copy = await copied(cluster, subject(attempt, name), 60_000);
          assert.match(JSON.stringify(copy), attempt.shows);
        } finally {
          await removeAs(attempt, name);
        }
      });

    it('adds a privileged container to a running pod', async () => {
      await startVictim('off-victim');
      await must(debug('off-victim', 'sysadmin'));
      await waitFor('the container in the host cluster', async () =>
        (await containersOf('off-victim')).includes('"privileged":true'),
      );
    });
  });

  describe('with the policy', () => {
    before(async () => {
      await switchQuotas('on');
      await switchPolicy('on');
    });

    for (const [index, attempt] of attempts.entries())
      it(`does not get ${attempt.what}, and the user is told why`, async () => {
        const name = `on-${index}`;
        const { message } = policyRules(config).find(({ id }) => id === attempt.rule)!;
        try {
          const { output } = await createAs(attempt, name);
          if (!output.includes(message))
            await waitFor(
              'the refusal',
              async () => (await syncErrors(cluster, subject(attempt, name))).includes(message),
              { withinMs: 60_000, everyMs: 1000 },
            );
          assert.equal(await copyOf(cluster, subject(attempt, name)), undefined);
        } finally {
          await removeAs(attempt, name);
        }
      });

    it('cannot add a privileged container to a running pod, but can debug with the restricted profile', async () => {
      await startVictim('on-victim');
      await must(debug('on-victim', 'sysadmin'));
      await must(debug('on-victim', 'restricted'));
      // vcluster sends all new containers in one request: the refused one blocks the other.
      await new Promise((resolve) => setTimeout(resolve, 5000));
      assert.doesNotMatch(await containersOf('on-victim'), /"privileged":true/);
      await startVictim('on-debugged');
      await must(debug('on-debugged', 'restricted'));
      await waitFor('the container in the host cluster', async () =>
        (await containersOf('on-debugged')).includes('runAsNonRoot'),
      );
    });

    it('cannot give Istio’s capabilities to another image later', async () => {
      const pod = named(
        'v1',
        'Pod',
        { spec: podSpec({}, { image: proxyImage, securityContext: { capabilities: { add: ['NET_ADMIN'] } } }) },
        { name: 'on-image', namespace },
      );
      await must(asUser(cluster, ['create', '-f', '-'], pod));
      const object = { kind: 'Pod', name: 'on-image', namespace };
      await copied(cluster, object);
      await must(asUser(cluster, ['-n', namespace, 'set', 'image', 'pod/on-image', 'app=evil/image:1']));
      await waitFor('the refusal', async () => (await syncErrors(cluster, object)).includes('(rule capabilities,'), {
        withinMs: 60_000,
      });
      assert.doesNotMatch(JSON.stringify(await copyOf(cluster, object)), /evil\/image/);
    });

    it('cannot tolerate more taints later', async () => {
      const pod = named('v1', 'Pod', { spec: podSpec() }, { name: 'on-taints', namespace });
      await must(asUser(cluster, ['create', '-f', '-'], pod));
      const object = { kind: 'Pod', name: 'on-taints', namespace };
      await copied(cluster, object);
      const tolerations = [{ op: 'add', path: '/spec/tolerations/-', value: { operator: 'Exists' } }];
      await must(
        asUser(cluster, [
          '-n',
          namespace,
          'patch',
          'pod',
          'on-taints',
          '--type=json',
          '-p',
          JSON.stringify(tolerations),
        ]),
      );
      await waitFor('the refusal', async () => (await syncErrors(cluster, object)).includes('(rule tolerations,'), {
        withinMs: 60_000,
      });
    });
  });

  /** A running pod to add containers to. */
  async function startVictim(name: string): Promise<void> {
    const pod = named('v1', 'Pod', { spec: podSpec({ nodeSelector: {} }) }, { name, namespace });
    await must(asUser(cluster, ['create', '-f', '-'], pod));
    await must(asUser(cluster, ['-n', namespace, 'wait', `pod/${name}`, '--for=condition=Ready', '--timeout=60s']));
  }
  const debug = (name: string, profile: string) =>
    asUser(cluster, ['-n', namespace, 'debug', name, `--image=${image}`, `--profile=${profile}`, '--', 'sleep', '1']);
  const containersOf = async (name: string) =>
    JSON.stringify(
      ((await copyOf(cluster, { kind: 'Pod', name, namespace }))?.spec as Fields)?.ephemeralContainers ?? [],
    );
});

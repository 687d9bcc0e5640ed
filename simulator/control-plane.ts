import { defaultClass } from './admission.js';
import { firstRoles } from './access.js';
import { ApiServer, type ServedCluster } from './api-server.js';
import { createAuthority, type Authority, type Certificate } from './certificates.js';
import { signCertificates } from './controllers/certificate-signing.js';
import { collectGarbage } from './controllers/garbage-collector.js';
import { nodeName } from './controllers/kubelet.js';
import { endNamespaces } from './controllers/namespaces.js';
import { Reconciler } from './controllers/reconciler.js';
import { publishAuthority, runServiceAccounts } from './controllers/service-accounts.js';
import { writeStatuses } from './controllers/statuses.js';
import { runWorkloads } from './controllers/workloads.js';
import { version } from './discovery.js';
import type { Faults } from './faults.js';
import { builtInKinds, kindsOf, type Kind } from './kinds.js';
import { setCondition, toBase64 } from './objects.js';
import type { PodRuntime } from './pod-runtime.js';
import { Resources } from './resources.js';
import { Store } from './store.js';
import { Timers } from './timers.js';

export interface ControlPlaneOptions {
  /** Used in the CA's name. */
  name: string;
  isHost: boolean;
  faults: Faults;
  allocateClusterIp(): string;
  runtime: PodRuntime;
}

const definitions = 'customresourcedefinitions.apiextensions.k8s.io';

/** Where the API listens, which a server that has just started says a little later. */
const apiServerSlice = {
  resource: 'endpointslices.discovery.k8s.io',
  endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: true } }],
  lateMs: 1500,
} as const;

/** One Kubernetes: its objects, its CA, its API server and the controllers that every cluster has. */
export class ControlPlane implements ServedCluster {
  readonly store = new Store();
  readonly timers = new Timers();
  /** Its CA and the key of its tokens; controllers and the API use the current one. */
  authority: Authority;
  readonly resources: Resources;
  readonly reconciler: Reconciler;
  readonly faults: Faults;
  readonly isHost: boolean;
  readonly runtime: PodRuntime;
  port = 0;
  private readonly name: string;
  private api: ApiServer | undefined;
  private served: readonly Kind[] = builtInKinds;
  private readonly stops: (() => void)[] = [];

  constructor({ name, isHost, faults, allocateClusterIp, runtime }: ControlPlaneOptions) {
    this.faults = faults;
    this.isHost = isHost;
    this.runtime = runtime;
    this.name = name;
    this.authority = createAuthority(name);
    this.resources = new Resources(this.store, () => this.served, allocateClusterIp);
    this.reconciler = new Reconciler(this.store, this.timers);
    this.stops.push(
      this.store.watch(({ resource }) => resource === definitions && this.readDefinitions()),
      collectGarbage(this.store),
    );
    endNamespaces(this.reconciler, this.store);
    runServiceAccounts(this.reconciler, this.resources, this);
    signCertificates(this.reconciler, this.store, this);
    runWorkloads(this.reconciler, this.resources);
    writeStatuses(this.reconciler, this.store);
    this.makeFirstObjects();
  }

  kinds(): readonly Kind[] {
    return this.served;
  }

  /**
   * Serves the API. After `stopServing`, the host cluster's has the same port again, which is in kubeconfigs; a virtual
   * cluster's is looked up each time, and its old one may have been taken meanwhile.
   * @param subjectAltNames names and addresses in the serving certificate
   */
  async serve(subjectAltNames: string[]): Promise<void> {
    if (this.api) return;
    if (this.isHost && this.port !== 0) this.forgetAddress();
    const serving = this.authority.issueWithKey({ subject: { commonName: 'kube-apiserver' }, subjectAltNames });
    this.api = new ApiServer(this, { cert: serving.certificate, key: serving.privateKey });
    this.port = await this.api.listen(this.isHost ? this.port : 0);
  }

  private forgetAddress(): void {
    const say = (endpoints: readonly object[]) =>
      this.store.change(apiServerSlice.resource, 'default', 'kubernetes', (draft) => {
        draft.endpoints = endpoints;
      });
    say([]);
    this.timers.after(apiServerSlice.lateMs, () => say(apiServerSlice.endpoints));
  }

  /** Replaces its keys, so that no earlier certificate or token is accepted; only while it does not serve. */
  renewAuthority(): void {
    this.authority = createAuthority(this.name);
    publishAuthority(this.store, this);
  }

  stopServing(): void {
    this.api?.close();
    this.api = undefined;
  }

  /** How many requests its API has received since it was last started, without streams. */
  get answered(): number {
    return this.api?.answered ?? 0;
  }

  close(): void {
    this.stopServing();
    this.reconciler.close();
    this.timers.close();
    for (const stop of this.stops) stop();
  }

  /** An administrator's kubeconfig, and its parts for Secrets. */
  adminKubeconfig(name: string, server: string): { kubeconfig: string; certificate: Certificate } {
    const certificate = this.authority.issueWithKey({
      subject: { commonName: 'kubernetes-admin', organizations: ['system:masters'] },
    });
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name, cluster: { server, 'certificate-authority-data': toBase64(this.authority.certificate) } }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      users: [
        {
          name,
          user: {
            'client-certificate-data': toBase64(certificate.certificate),
            'client-key-data': toBase64(certificate.privateKey),
          },
        },
      ],
      'current-context': name,
    };
    return { kubeconfig: JSON.stringify(config, undefined, 2), certificate }; // JSON is YAML
  }

  private readDefinitions(): void {
    this.served = [...builtInKinds, ...this.store.list(definitions).flatMap(kindsOf)];
  }

  private makeFirstObjects(): void {
    const { make } = this.resources;
    for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease'])
      make({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    make({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
      addressType: 'IPv4',
      endpoints: apiServerSlice.endpoints,
      ports: [{ name: 'https', port: 6443, protocol: 'TCP' }],
    });
    make({ apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName } });
    make({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'standard', annotations: { [defaultClass]: 'true' } },
      provisioner: 'simulated.invalid/disk',
    });
    this.store.change('nodes', undefined, nodeName, (draft) => {
      draft.status = { nodeInfo: { kubeletVersion: version.gitVersion } };
      setCondition(draft, 'Ready', true, { reason: 'Simulated', message: 'this is a simulated cluster' });
    });
    for (const [name, rules] of Object.entries(firstRoles))
      make({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules });
  }
}

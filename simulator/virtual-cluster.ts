import { createHash } from 'node:crypto';
import { parse } from 'yaml';
import { ControlPlane, type ControlPlaneOptions } from './control-plane.js';
import { fromBase64, isMap, ownerReference, toBase64, type KubeObject } from './objects.js';
import { StatusError } from './status.js';

const labels = {
  managedBy: 'vcluster.loft.sh/managed-by',
  namespace: 'vcluster.loft.sh/namespace',
} as const;
const annotations = {
  name: 'vcluster.loft.sh/object-name',
  namespace: 'vcluster.loft.sh/object-namespace',
} as const;

/** The name in the host cluster of an object from a virtual cluster. */
export function syncedName(name: string, namespace: string, cluster: string): string {
  const whole = `${name}-x-${namespace}-x-${cluster}`;
  if (whole.length <= 63) return whole;
  const digest = createHash('sha256').update(whole).digest('hex').slice(0, 10);
  return `${whole.slice(0, 52)}-${digest}`.replace('.-', '-');
}

/** Where in its virtual cluster a synced object comes from; undefined for the host's own objects. */
export function originOf({ metadata }: KubeObject): { cluster: string; namespace: string; name: string } | undefined {
  const cluster = metadata.labels?.[labels.managedBy];
  const name = metadata.annotations?.[annotations.name];
  const namespace = metadata.annotations?.[annotations.namespace];
  return cluster && name && namespace ? { cluster, namespace, name } : undefined;
}

interface VirtualClusterOptions extends Omit<ControlPlaneOptions, 'name' | 'isHost'> {
  host: ControlPlane;
  namespace: string;
  name: string;
}

/** What vcluster's pod does: it serves its own API, and copies pods and Services into the host namespace. */
export class VirtualCluster {
  readonly plane: ControlPlane;
  private readonly host: ControlPlane;
  private readonly namespace: string;
  private readonly name: string;
  private readonly stop: () => void;
  private hasKeys = true;

  constructor({ host, namespace, name, ...options }: VirtualClusterOptions) {
    this.host = host;
    this.namespace = namespace;
    this.name = name;
    this.plane = new ControlPlane({ ...options, name: `${name}.${namespace}`, isHost: false });
    this.plane.reconciler.on('services', (service) => this.syncService(service));
    this.plane.reconciler.on('pods', (pod) => this.syncPod(pod));
    this.stop = host.store.watch(({ type, resource, object }) => {
      const origin = resource === 'pods' && object.metadata.namespace === namespace && originOf(object);
      if (origin && origin.cluster === name) this.takeBack(origin, object, type === 'DELETED');
    });
  }

  /** Serves the API, and writes the Secrets with which it can be reached from the host cluster. */
  async start(): Promise<void> {
    if (!this.hasKeys && !this.host.store.find('secrets', this.namespace, `${this.name}-certs`))
      this.plane.renewAuthority();
    this.hasKeys = true;
    await this.plane.serve(this.subjectAltNames());
    const exported = this.config().exportKubeConfig as { server?: string } | undefined;
    const { authority } = this.plane;
    const { kubeconfig, certificate } = this.plane.adminKubeconfig(
      'my-vcluster',
      exported?.server ?? 'https://localhost:8443',
    );
    this.writeSecret(`vc-${this.name}`, {
      config: kubeconfig,
      'certificate-authority': authority.certificate,
      'client-certificate': certificate.certificate,
      'client-key': certificate.privateKey,
    });
    this.writeSecret(`${this.name}-certs`, { 'ca.crt': authority.certificate, 'ca.key': authority.privateKey });
  }

  /** Deletes the keys on its volume; with the next start it has new ones, if its Secret does not have them any more. */
  forgetKeys(): void {
    this.hasKeys = false;
  }

  close(): void {
    this.stop();
    this.plane.close();
  }

  private subjectAltNames(): string[] {
    const { name, namespace } = this;
    const service = this.host.store.find('services', namespace, name);
    const statefulSet = this.host.store.find('statefulsets.apps', namespace, name);
    const containers: { args?: string[] }[] = statefulSet?.spec.template.spec.containers ?? [];
    const fromArguments = containers.flatMap(({ args = [] }) => args).filter((arg) => arg.startsWith('--tls-san='));
    const proxy = (this.config().controlPlane as { proxy?: { extraSANs?: string[] } } | undefined)?.proxy;
    return [
      'localhost',
      '127.0.0.1',
      'kubernetes.default.svc',
      ...['', '.svc', '.svc.cluster.local'].map((suffix) => `${name}.${namespace}${suffix}`),
      name,
      ...(service ? [service.spec.clusterIP] : []),
      ...fromArguments.map((arg) => arg.slice('--tls-san='.length)),
      ...(proxy?.extraSANs ?? []),
    ];
  }

  /** The chart's values, which its pod reads from a Secret (charts from 0.20 on). */
  private config(): Record<string, unknown> {
    const secret = this.host.store.find('secrets', this.namespace, `vc-config-${this.name}`);
    const config = parse(fromBase64(secret?.data?.['config.yaml'])) as unknown;
    return isMap(config) ? config : {};
  }

  private writeSecret(name: string, texts: Record<string, string>): void {
    const data = Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, toBase64(text)]));
    const written = this.host.store.change('secrets', this.namespace, name, (draft) => (draft.data = data));
    if (!written)
      this.host.resources.make({ apiVersion: 'v1', kind: 'Secret', metadata: this.metadata(name, {}), data });
  }

  private metadata(name: string, more: object): KubeObject['metadata'] {
    const service = this.host.store.get('services', this.namespace, this.name);
    return {
      name,
      namespace: this.namespace,
      ownerReferences: [{ ...ownerReference(service), controller: false }],
      ...more,
    };
  }

  private syncedMetadata({ metadata }: KubeObject): KubeObject['metadata'] {
    const { name, namespace = '' } = metadata;
    return this.metadata(syncedName(name, namespace, this.name), {
      labels: { ...metadata.labels, [labels.managedBy]: this.name, [labels.namespace]: namespace },
      annotations: { ...metadata.annotations, [annotations.name]: name, [annotations.namespace]: namespace },
    });
  }

  private syncService(service: KubeObject): void {
    const metadata = this.syncedMetadata(service);
    if (service.metadata.deletionTimestamp || this.host.store.find('services', this.namespace, metadata.name)) return;
    const selector = service.spec.selector && {
      ...service.spec.selector,
      [labels.managedBy]: this.name,
      [labels.namespace]: service.metadata.namespace,
    };
    this.copyToHost(service, { apiVersion: 'v1', kind: 'Service', metadata, spec: { ...service.spec, selector } });
  }

  /** Without its own pod it copies nothing, and the reconciler calls again. */
  private assertRunning(): void {
    const isOwn = ({ metadata }: KubeObject) =>
      metadata.labels?.app === 'vcluster' && metadata.labels.release === this.name;
    if (!this.host.store.list('pods', this.namespace).some(isOwn))
      throw new StatusError(503, 'ServiceUnavailable', 'the virtual cluster has no pod');
  }

  private syncPod(pod: KubeObject): void {
    const { store } = this.host;
    this.assertRunning();
    const metadata = this.syncedMetadata(pod);
    const synced = store.find('pods', this.namespace, metadata.name);
    if (pod.metadata.deletionTimestamp) {
      if (!synced) this.plane.store.delete('pods', pod);
      else if (!synced.metadata.deletionTimestamp) store.delete('pods', synced, 1);
    } else if (!synced) {
      const { containers, initContainers, volumes } = pod.spec;
      const account = { serviceAccountName: `vc-workload-${this.name}`, automountServiceAccountToken: false };
      this.copyToHost(pod, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata,
        spec: { containers, initContainers, volumes, ...account },
      });
    } else if (synced.metadata.deletionTimestamp) {
      throw new StatusError(409, 'Conflict', 'the earlier pod of that name still exists'); // makes the reconciler call again
    }
  }

  /** Acts as vcluster's account; a refusal by the host becomes an event on the virtual object, and is retried. */
  private copyToHost(virtual: KubeObject, object: KubeObject): void {
    try {
      this.host.resources.make(object, {
        name: `system:serviceaccount:${this.namespace}:vc-${this.name}`,
        groups: ['system:masters'],
      });
    } catch (error) {
      if (error instanceof StatusError && error.code === 403) this.noteSyncError(virtual, error.message);
      throw error;
    }
  }

  private noteSyncError({ kind, metadata }: KubeObject, refusal: string): void {
    const { name, namespace, uid } = metadata;
    const event = `${name}.sync-error`;
    if (this.plane.store.find('events', namespace, event)) return;
    this.plane.resources.make({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: event, namespace } as KubeObject['metadata'],
      involvedObject: { kind, name, namespace, uid },
      type: 'Warning',
      reason: 'SyncError',
      message: `Error syncing to host cluster: ${refusal}`,
    });
  }

  /** The host's pod has changed: copies its status to the virtual pod. */
  private takeBack(
    { namespace, name }: { namespace: string; name: string },
    synced: KubeObject,
    isGone: boolean,
  ): void {
    const { store } = this.plane;
    const pod = store.find('pods', namespace, name);
    if (!pod) return;
    // If somebody deleted only the host's pod, the virtual pod is deleted too, so that its controller creates another.
    if (isGone) return void store.delete('pods', pod);
    store.change('pods', namespace, name, (draft) => {
      draft.status = synced.status;
      draft.spec.nodeName = synced.spec.nodeName;
    });
  }
}

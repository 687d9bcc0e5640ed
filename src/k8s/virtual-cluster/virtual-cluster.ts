import { isIP } from 'node:net';
import type { V1Pod, V1Secret, V1Service, V1StatefulSet } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import type { DemoConfig } from '../../config.js';
import { minutes } from '../../duration.js';
import { accessWith } from '../client/server-access.js';
import { messageOf, UserError } from '../../errors.js';
import { isPassing, NotYet } from '../client/api-errors.js';
import { repositoryName, withChart } from './chart-source.js';
import { holds, lacks, type Check } from '../check.js';
import { connectCluster, type Cluster, type ClusterOptions } from '../client/cluster.js';
import { publicNameOf, type Demo, type VirtualClusterPlace } from '../demo/demo.js';
import { helmValues } from './helm-values.js';
import { hostnameOf, wildcardName } from './hostnames.js';
import { list, listMetadata } from '../client/lists.js';
import { merge, read } from '../client/objects.js';
import { ref } from '../client/manifest.js';
import type { Found } from '../client/answers.js';
import { isSynced, podProblem, podsReady } from '../workloads/pods.js';
import { tenantCredentials } from '../credentials/tenant-credentials.js';
import { pullSecretNames } from './pull-secrets.js';
import { runTool } from '../tools.js';
import { openTunnel, type Tunnel } from '../client/tunnel.js';

const apiPort = 8443;

/**
 * Installs the virtual cluster's chart with `helm upgrade -i`, without waiting for it.
 * @throws UserError of `withChart` and `runTool`
 */
export async function installVirtualCluster(
  config: DemoConfig,
  demo: Demo,
  { name, namespace }: VirtualClusterPlace,
  { kubeconfig, signal }: { kubeconfig: string | undefined; signal: AbortSignal },
): Promise<void> {
  const { version, values } = config.vcluster;
  // It is not known yet what the demo will be called.
  const wildcard = demo.warm && wildcardName(config);
  const sans = [
    hostnameOf(config, 'api', publicNameOf(demo), name),
    ...(wildcard ? [wildcard] : []),
    `${name}.${namespace}`,
    `${name}.${namespace}.svc`,
  ];
  const withinMs = minutes(2) * config.stepDeadlineFactor;
  const own = {
    version,
    extraSans: sans,
    pullSecrets: pullSecretNames(config),
    hostDns: config.isolation.network === 'pair',
    extra: values,
  };
  await withChart(config.vcluster, async ({ args, env, needsUpdate }) => {
    const call = { env, kubeconfig, signal, withinMs };
    if (needsUpdate) await runTool('helm', ['repo', 'update', repositoryName], call);
    await runTool('helm', ['upgrade', '--install', name, ...args, '--namespace', namespace, '--values', '-'], {
      ...call,
      input: stringify(helmValues(own)),
    });
  });
}

/** Whether the release is deployed; a release that a killed helm left `pending` is not. */
export async function releaseDeployed(host: Cluster, place: VirtualClusterPlace): Promise<Check> {
  const releases = await listReleases(host, place);
  const latest = releases.sort((a, b) => revisionOf(a) - revisionOf(b)).at(-1);
  const status = latest?.metadata.labels.status;
  return status === 'deployed' ? holds : lacks(`helm release ${place.name} is ${status ?? 'missing'}`);
}

/** The Secrets of revisions that helm started but never finished; they block every later helm command. */
export async function pendingReleases(host: Cluster, place: VirtualClusterPlace): Promise<Found[]> {
  const releases = await listReleases(host, place);
  return releases.filter(({ metadata }) => metadata.labels.status?.startsWith('pending-'));
}

const revisionOf = ({ metadata }: Found) => Number(metadata.labels.version ?? 0);

/** Whether helm no longer knows a release of the virtual cluster. */
export async function releaseAbsent(host: Cluster, place: VirtualClusterPlace): Promise<Check> {
  const releases = await listReleases(host, place);
  return releases.length === 0 ? holds : lacks(`helm release ${place.name} still exists`);
}

/**
 * The Secrets in which helm keeps the release. helm finds them by labels, and runs what the latest one contains with the
 * worker's credentials. A Secret from the virtual cluster is copied with its labels, but its name has a different form.
 * @throws UserError `forged-release` if there is one that helm did not write
 */
async function listReleases(host: Cluster, { name, namespace }: VirtualClusterPlace): Promise<Found[]> {
  const releases = await listMetadata(host, 'v1', 'Secret', { namespace, labels: { owner: 'helm', name } });
  const forged = releases.find(({ metadata }) => !isReleaseName(metadata.name, name));
  if (!forged) return releases;
  const secret = `Secret ${namespace}/${forged.metadata.name}`;
  throw new UserError(
    'forged-release',
    `${secret} claims to be a Helm release of ${name}, but helm did not write it.`,
    {
      hint: `Somebody in the demo is trying to make the worker run something. Delete the Secret in the virtual cluster, or \`kubectl -n ${namespace} delete secret ${forged.metadata.name}\` in the host cluster.`,
    },
  );
}

/** @see https://pkg.go.dev/helm.sh/helm/v3/pkg/storage */
const isReleaseName = (secret: string, release: string): boolean =>
  secret.startsWith(`sh.helm.release.v1.${release}.v`) && /\.v\d+$/.test(secret) && !secret.includes('-x-');

interface UninstallOptions {
  config: Pick<DemoConfig, 'stepDeadlineFactor'>;
  kubeconfig: string | undefined;
  signal: AbortSignal;
}

/**
 * Without hooks: vcluster's chart has none, so they could only come from somebody else.
 * @throws UserError of `runTool`
 */
export async function uninstallVirtualCluster(
  { name, namespace }: VirtualClusterPlace,
  { config, kubeconfig, signal }: UninstallOptions,
): Promise<void> {
  const flags = ['--ignore-not-found', '--no-hooks', '--debug']; // only its debug log says why objects were not deleted
  await runTool('helm', ['uninstall', name, '--namespace', namespace, ...flags], {
    kubeconfig,
    signal,
    // helm finishes by itself, and this only stops one that hangs: a factor for impatient tests does not shorten it.
    withinMs: minutes(2) * Math.max(1, config.stepDeadlineFactor),
  });
}

/** Connections to the virtual clusters of one demo, opened when first asked for. */
export class VirtualClusterConnections {
  private readonly opened = new Map<string, Promise<{ cluster: Cluster; tunnel?: Tunnel }>>();

  constructor(
    private readonly host: Cluster,
    private readonly options: ClusterOptions & { inCluster: boolean },
  ) {}

  /**
   * The virtual cluster's API, with the administrator's credentials that vcluster keeps in a Secret.
   * From outside the host cluster it connects through the pod's port, so it needs no public name.
   * @throws Error if the Secret does not exist yet
   */
  async connect(place: VirtualClusterPlace): Promise<Cluster> {
    const known = this.opened.get(place.namespace);
    if (known) return (await known).cluster;
    const opening = this.open(place);
    this.opened.set(place.namespace, opening);
    opening.catch(() => this.opened.delete(place.namespace));
    return (await opening).cluster;
  }

  async close(): Promise<void> {
    for (const opening of await Promise.allSettled(this.opened.values())) {
      if (opening.status === 'rejected') continue;
      opening.value.cluster.close();
      opening.value.tunnel?.close();
    }
    this.opened.clear();
  }

  private async open(place: VirtualClusterPlace): Promise<{ cluster: Cluster; tunnel?: Tunnel }> {
    const secret = await read<V1Secret>(this.host, ref('v1', 'Secret', adminSecret(place), place.namespace));
    if (!secret) throw new NotConnectable(place);
    const { certificateAuthority, user } = tenantCredentials(secret);
    const accessAt = (url: string) => accessWith({ url, certificateAuthority }, user);
    if (this.options.inCluster) {
      const access = accessAt(`https://${place.name}.${place.namespace}:443`);
      return { cluster: connectCluster(place.name, access, this.options) };
    }
    const tunnel = await openTunnel(this.host, place.namespace, () => controlPlanePod(this.host, place), apiPort);
    return {
      cluster: connectCluster(place.name, accessAt(`https://localhost:${tunnel.port}`), this.options),
      tunnel,
    };
  }
}

/** The labels of the control plane's pods, which belong to a StatefulSet or, without a volume, to a Deployment. */
const controlPlaneLabels = ({ name }: VirtualClusterPlace) => ({ app: 'vcluster', release: name });

/** A tenant's pod with the same labels does not count: what the worker runs and sends there is secret. */
export async function controlPlanePod(host: Cluster, place: VirtualClusterPlace): Promise<string> {
  const { namespace } = place;
  const labelled = await list<V1Pod>(host, 'v1', 'Pod', { namespace, labels: controlPlaneLabels(place) });
  const pods = labelled.filter((pod) => !isSynced(pod));
  const pod = pods.find((candidate) => podProblem(candidate) === undefined) ?? pods[0];
  if (!pod) throw new NotYet(`the virtual cluster ${place.name} has no pod yet`);
  return pod.metadata.name;
}

/** Whether a control plane's pod is ready; if not, what is wrong with it. */
export const controlPlaneReady = (host: Cluster, place: VirtualClusterPlace): Promise<Check> =>
  podsReady(host, place.namespace, controlPlaneLabels(place), place.name);

/** vcluster has not written its credentials yet. */
class NotConnectable extends NotYet {
  override readonly name = 'NotConnectable';

  constructor(place: VirtualClusterPlace) {
    super(`the virtual cluster ${place.name} has not written its credentials (Secret ${adminSecret(place)}) yet`);
  }
}

const adminSecret = ({ name }: VirtualClusterPlace) => `vc-${name}`;

/** Whether the virtual cluster's API answers; if not, what is wrong with its pod. */
export async function virtualClusterAnswers(
  host: Cluster,
  place: VirtualClusterPlace,
  connections: VirtualClusterConnections,
): Promise<Check> {
  try {
    const cluster = await connections.connect(place);
    await cluster.request({ method: 'GET', path: '/readyz', accept: 'text/plain', repeat: 'never' });
    // Pods need the default ServiceAccount, which appears a moment after the API.
    const account = await read(cluster, ref('v1', 'ServiceAccount', 'default', 'default'));
    return account ? holds : lacks('its controllers are starting');
  } catch (error) {
    if (!(error instanceof NotConnectable) && !isPassing(error)) throw error;
    const pods = await controlPlaneReady(host, place);
    return pods.holds ? lacks(messageOf(error)) : pods;
  }
}

/** Starts a control plane that somebody has scaled to 0; the chart makes one replica. */
export async function startIfStopped(host: Cluster, { name, namespace }: VirtualClusterPlace): Promise<void> {
  for (const kind of ['StatefulSet', 'Deployment']) {
    const workload = ref('apps/v1', kind, name, namespace);
    const found = await read<V1StatefulSet>(host, workload);
    if (found?.spec?.replicas === 0) await merge(host, workload, { spec: { replicas: 1 } });
  }
}

/** The virtual cluster's CA as base64-encoded PEM, as in kubeconfigs. */
export function certificateAuthority({ access }: Cluster): string {
  return Buffer.from(access.server.certificateAuthority ?? '').toString('base64');
}

/** The address at which pods in the host cluster reach the virtual cluster's API; its certificate contains it. */
export async function inClusterServer(host: Cluster, { name, namespace }: VirtualClusterPlace): Promise<string> {
  const service = await read<V1Service>(host, ref('v1', 'Service', name, namespace));
  const address = service?.spec?.clusterIP ?? '';
  // istiod reads it, so it must be an address and nothing else.
  const version = isIP(address);
  if (version === 0) throw new NotYet(`Service ${namespace}/${name} has no address yet`);
  return `https://${version === 6 ? `[${address}]` : address}:443`;
}

/**
 * The name of the Service in the host cluster that vcluster created for one inside. It is found by vcluster's annotations,
 * because long names are hashed. Undefined if there is none yet.
 */
export async function syncedService(
  host: Cluster,
  place: VirtualClusterPlace,
  namespace: string,
  name: string,
): Promise<string | undefined> {
  const services = await list<V1Service>(host, 'v1', 'Service', { namespace: place.namespace });
  return services.find(
    ({ metadata, spec }) =>
      // With an ExternalName, the public name would lead out of the namespace.
      spec?.type !== 'ExternalName' &&
      metadata.annotations['vcluster.loft.sh/object-name'] === name &&
      metadata.annotations['vcluster.loft.sh/object-namespace'] === namespace,
  )?.metadata.name;
}

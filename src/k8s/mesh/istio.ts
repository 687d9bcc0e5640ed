import type { V1Deployment } from '@kubernetes/client-node';
import { parse, stringify } from 'yaml';
import * as z from 'zod';
import type { DemoConfig } from '../../config.js';
import { seconds } from '../../duration.js';
import { asError } from '../../errors.js';
import { unless, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import type { VirtualClusterName } from '../demo/demo.js';
import { mergeDeep } from '../virtual-cluster/helm-values.js';
import { pinnedImages } from './istio-images.js';
import { countersOfUse } from './traces.js';
import { applyAll, missing } from '../client/objects.js';
import { checked } from '../client/answers.js';
import { UnparsedManifest, type Manifest } from '../client/manifest.js';
import { deploymentReady } from '../workloads/pods.js';
import { runTool } from '../tools.js';

/** The parts of Istio: istiod and what it needs, and the gateway, for which nothing else waits. */
interface IstioManifests {
  controlPlane: Manifest[];
  ingressGateway: Manifest[];
}

/**
 * Renders Istio for both virtual clusters with `istioctl manifest generate`, once per configuration. That needs no cluster,
 * so it runs while the virtual clusters start, and no credentials leave this process (docs/decisions.md). Several jobs may
 * wait for it: it is stopped when the signals of all of them are aborted.
 */
export class IstioRenderer {
  private rendered: Rendering | undefined;

  async render(
    config: DemoConfig['istio'],
    withinMs = seconds(60),
    signal = neverAborted,
  ): Promise<Record<VirtualClusterName, IstioManifests>> {
    signal.throwIfAborted();
    const key = JSON.stringify(config);
    const rendering = this.rendered?.key === key ? this.rendered : this.start(key, config, withinMs);
    rendering.waiting++;
    const abandoned = new AbortController();
    const leave = () => abandoned.abort(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([rendering.manifests, rejectionOf(abandoned.signal)]);
    } finally {
      signal.removeEventListener('abort', leave);
      rendering.waiting--;
      if (signal.aborted && rendering.waiting === 0) rendering.stop.abort(signal.reason);
    }
  }

  private start(key: string, config: DemoConfig['istio'], withinMs: number): Rendering {
    const stop = new AbortController();
    const manifests = renderBoth(config, withinMs, stop.signal);
    const rendering = { key, manifests, waiting: 0, stop };
    this.rendered = rendering;
    manifests.catch(() => {
      if (this.rendered === rendering) this.rendered = undefined;
    });
    return rendering;
  }
}

interface Rendering {
  key: string;
  manifests: Promise<Record<VirtualClusterName, IstioManifests>>;
  /** How many jobs wait for it. */
  waiting: number;
  stop: AbortController;
}

const neverAborted = new AbortController().signal;

const rejectionOf = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(asError(signal.reason)), { once: true });
  });

async function renderBoth(
  config: DemoConfig['istio'],
  withinMs: number,
  signal: AbortSignal,
): Promise<Record<VirtualClusterName, IstioManifests>> {
  const parsed = new Map<string, Manifest>(); // what both share is parsed once
  const render = async (name: VirtualClusterName): Promise<IstioManifests> => {
    const input = stringify(istioOperator(name, config));
    const text = await runTool('istioctl', ['manifest', 'generate', '-f', '-'], { input, signal, withinMs });
    const manifests: Manifest[] = [];
    for (const document of text.split(/^---$/m).filter((part) => /^kind:/m.test(part))) {
      const manifest = parsed.get(document) ?? awaitingAuthority(manifestOf(document));
      parsed.set(document, manifest);
      manifests.push(manifest);
      signal.throwIfAborted();
      await new Promise(setImmediate); // lets other work run in between
    }
    return split(manifests);
  };
  const [vc1, vc2] = await Promise.all([render('vc1'), render('vc2')]);
  return { vc1, vc2 };
}

/** Of CRDs, which are large, only what comes before their `spec` is parsed. */
export function manifestOf(document: string): Manifest {
  const spec = /^kind: CustomResourceDefinition$/m.test(document) ? document.search(/^spec:/m) : -1;
  const head: unknown = parse(spec < 0 ? document : document.slice(0, spec));
  const manifest = checked(renderedManifest, head, 'a manifest of istioctl');
  return spec < 0 ? manifest : new UnparsedManifest(manifest, document.slice(spec));
}

/** istioctl writes `annotations: null` where it has none. */
const texts = z
  .record(z.string(), z.string())
  .nullish()
  .transform((entries) => entries ?? undefined);
const renderedManifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ annotations: texts, labels: texts, name: z.string(), namespace: z.string().optional() }),
});

/**
 * Makes pods wait for Secret cacerts where it is optional. istiod that starts without it creates a root CA of its own, and
 * vcluster may copy the Secret to the host cluster after the pod.
 */
export function awaitingAuthority(manifest: Manifest): Manifest {
  if (manifest.kind !== 'Deployment') return manifest;
  const waiting = structuredClone(manifest as Manifest & V1Deployment);
  for (const { secret } of waiting.spec?.template.spec?.volumes ?? [])
    if (secret?.secretName === 'cacerts') secret.optional = false;
  return waiting;
}

function split(manifests: Manifest[]): IstioManifests {
  const ofGateway = ({ metadata }: Manifest) => metadata.name.startsWith('istio-ingressgateway');
  return {
    controlPlane: manifests.filter((manifest) => !ofGateway(manifest)),
    ingressGateway: manifests.filter(ofGateway),
  };
}

/**
 * The IstioOperator of the manual guide, without the fields that istioctl no longer knows.
 * `istio.operator` of the configuration is merged over its `spec`; components of the same name are merged.
 */
export function istioOperator(clusterName: VirtualClusterName, istio: DemoConfig['istio']): IstioOperator {
  const { hub, tag, operator } = istio;
  const securityContext = { fsGroup: 2000, runAsGroup: 2000, runAsUser: 2000, supplementalGroups: [2000] };
  const own = {
    profile: 'minimal',
    hub,
    tag,
    components: {
      base: { enabled: true },
      cni: { enabled: false },
      egressGateways: [{ name: 'istio-egressgateway', enabled: false }],
      ingressGateways: [{ name: 'istio-ingressgateway', enabled: true, k8s: { securityContext } }],
      pilot: { enabled: true, k8s: { securityContext } },
    },
    meshConfig: {
      // Not in the guide: whether anybody uses the demo.
      defaultConfig: { proxyMetadata: {}, proxyStatsMatcher: { inclusionRegexps: [countersOfUse] } },
      enablePrometheusMerge: true,
    },
    values: {
      gateways: { 'istio-ingressgateway': { autoscaleEnabled: false, type: 'ClusterIP' } },
      global: {
        configValidation: true,
        defaultPodDisruptionBudget: { enabled: true },
        istioNamespace: 'istio-system',
        logging: { level: 'default:error' },
        meshID: 'mesh1',
        multiCluster: { clusterName, enabled: true },
        network: 'network1',
        proxy: {
          autoInject: 'enabled',
          clusterDomain: 'cluster.local',
          componentLogLevel: 'misc:error',
          enableCoreDump: false,
          logLevel: 'warning',
          privileged: false,
          readinessFailureThreshold: 4,
          readinessInitialDelaySeconds: 0,
          readinessPeriodSeconds: 15,
          resources: { limits: { cpu: '2000m', memory: '1024Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
          startupProbe: { enabled: true, failureThreshold: 600 },
          statusPort: 15020,
        },
      },
      pilot: { autoscaleEnabled: false },
      telemetry: { enabled: false },
    },
  };
  return {
    apiVersion: 'install.istio.io/v1alpha1',
    kind: 'IstioOperator',
    metadata: {
      name: 'istiooperator',
      namespace: 'istio-system',
      annotations: { 'install.istio.io/ignoreReconcile': 'true' },
    },
    spec: withGatewaysMerged(
      checked(operatorSpec, mergeDeep(mergeDeep(own, { values: pinnedImages(istio) }), operator), 'istio.operator'),
    ),
  };
}

interface IstioOperator {
  apiVersion: string;
  kind: string;
  metadata: Manifest['metadata'];
  spec: OperatorSpec;
}

const switchable = z.looseObject({ enabled: z.boolean().optional() }).optional();

/** The fields that are read here, of which the configuration may have written any. */
const operatorSpec = z.looseObject({
  components: z.looseObject({ cni: switchable, ingressGateways: z.array(z.looseObject({ name: z.string() })) }),
  values: z.looseObject({
    global: z.looseObject({ proxy: z.looseObject({ resources: z.looseObject({}).optional() }) }),
    pilot: z.looseObject({ cni: switchable }),
    /** Up to Istio 1.23. */
    istio_cni: switchable,
  }),
});
type OperatorSpec = z.output<typeof operatorSpec>;

/** What istiod adds to pods, which the host cluster has to allow. */
interface SidecarSettings {
  /** Whether the host cluster's Istio CNI redirects the traffic, so that pods need no capabilities for it. */
  usesCni: boolean;
  resources: object;
}

/** @see https://istio.io/latest/docs/setup/additional-setup/cni/ */
export function sidecarSettings(config: DemoConfig['istio']): SidecarSettings {
  const { components, values } = istioOperator('vc1', config).spec;
  const enabled = values.pilot.cni?.enabled ?? values.istio_cni?.enabled ?? components.cni?.enabled;
  return { usesCni: enabled === true, resources: values.global.proxy.resources ?? {} };
}

/** `mergeDeep` concatenates lists of gateways; this merges those of the same name. */
function withGatewaysMerged({ components, ...spec }: OperatorSpec): OperatorSpec {
  const byName = new Map<string, Gateway>();
  for (const gateway of components.ingressGateways)
    byName.set(gateway.name, { ...mergeDeep(byName.get(gateway.name) ?? {}, gateway), name: gateway.name });
  return { ...spec, components: { ...components, ingressGateways: [...byName.values()] } };
}

type Gateway = OperatorSpec['components']['ingressGateways'][number];

/** Applies the manifests in waves, in the order in which they are needed. */
export async function applyIstio(cluster: Cluster, manifests: Manifest[]): Promise<void> {
  const isDefinition = ({ kind }: Manifest) => kind === 'CustomResourceDefinition';
  const isWorkload = ({ kind }: Manifest) => kind === 'Deployment';
  await applyAll(
    cluster,
    manifests.filter((manifest) => !isDefinition(manifest) && !isWorkload(manifest)),
  );
  // The pods start while the API server processes the CRDs, for which istiod waits by itself.
  await applyAll(cluster, manifests.filter(isWorkload));
  await applyAll(cluster, manifests.filter(isDefinition));
}

/** Whether the Deployments are ready and all objects exist as rendered. */
export async function checkIstio(cluster: Cluster, manifests: Manifest[]): Promise<Check> {
  for (const { kind, metadata } of manifests) {
    if (kind !== 'Deployment') continue;
    const ready = await deploymentReady(cluster, metadata.namespace ?? 'istio-system', metadata.name);
    if (!ready.holds) return ready;
  }
  return unless(await missing(cluster, manifests));
}

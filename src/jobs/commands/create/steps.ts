import { seconds } from '../../../duration.js';
import { messageOf } from '../../../errors.js';
import { NotYet } from '../../../k8s/client/api-errors.js';
import { holds, lacks, unless } from '../../../k8s/check.js';
import {
  dashboardNamespace,
  applyDashboard,
  applyDashboardExposure,
  checkDashboard,
  checkDashboardExposure,
} from '../../../k8s/virtual-cluster/dashboard.js';
import { changeRecord, findDemo } from '../../../k8s/demo/demo-record.js';
import {
  demoLabels,
  namespaceBase,
  placeOf,
  publicNameOf,
  virtualClusterNames,
  type VirtualClusterName,
} from '../../../k8s/demo/demo.js';
import { readyDemo } from '../../../k8s/demo/demo-life.js';
import { exposureManifests, withAnnotations } from '../../../k8s/virtual-cluster/exposure.js';
import {
  applyHelloworld,
  checkHelloworld,
  helloworldIngressManifest,
  helloworldManifests,
  sampleNamespace,
} from '../../../k8s/mesh/helloworld.js';
import { hostnameOf } from '../../../k8s/virtual-cluster/hostnames.js';
import { checkRestarted, restartDeployments } from '../../../k8s/workloads/restart.js';
import { assertNotForeign, checkHostNamespace, makeHostNamespace } from '../../../k8s/demo/host-namespace.js';
import { weakenedBy, weakerIsolation } from '../../../k8s/isolation/notes.js';
import { applyIstio, checkIstio } from '../../../k8s/mesh/istio.js';
import { checkDemoKubeconfig, makeDemoKubeconfig } from '../../../k8s/credentials/demo-kubeconfig.js';
import {
  checkMeshCertificates,
  checkMeshRoot,
  installMeshCertificates,
  makeMeshRoot,
} from '../../../k8s/mesh/mesh-ca.js';
import { checkBothAnswer, checkOtherIsRead, untilOtherIsRead } from '../../../k8s/mesh/mesh-join.js';
import { apply, applyAll, missingOrChanged, remove } from '../../../k8s/client/objects.js';
import type { Manifest } from '../../../k8s/client/manifest.js';
import { readPullSecrets } from '../../../k8s/virtual-cluster/pull-secrets.js';
import { retryPods, retryWorkload } from '../../../k8s/workloads/nudge.js';
import { onceMoreIfRefused } from '../../../k8s/tools.js';
import { assertPermissions } from '../../../k8s/permissions/permission-check.js';
import { untilRootIsUsed } from '../../../k8s/mesh/root-used.js';
import {
  applyRemoteSecret,
  checkMeshReader,
  checkRemoteSecret,
  makeMeshReader,
} from '../../../k8s/mesh/remote-secrets.js';
import { applyVcClient, checkVcClient } from '../../../k8s/virtual-cluster/vc-client.js';
import {
  installVirtualCluster,
  pendingReleases,
  releaseDeployed,
  startIfStopped,
  syncedService,
  virtualClusterAnswers,
} from '../../../k8s/virtual-cluster/virtual-cluster.js';
import { bothClusters, virtual, type ClusterContext, type DemoContext } from '../../context.js';
import { deliveryOf } from '../../delivery.js';
import type { Work } from '../../flow.js';

/* The steps of flow.ts, in its order. Each has a check and an action; the work itself is in src/k8s. */

/** Checks everything that would stop a create later and can be known before anything is created. */
export const preflight: Work<DemoContext> = {
  async check({ host, config, demo, demoClusterRole, claimNamespace }) {
    await assertPermissions(host, config, { demoClusterRole, claimNamespace });
    for (const place of demo.places) await assertNotForeign(host, demo, place);
    await readPullSecrets({ host, config, claimNamespace });
    const weakened = weakenedBy(config);
    return weakened.length > 0 ? { holds: true, note: weakerIsolation(weakened) } : holds;
  },
};

export const istioManifests: Work<DemoContext> = {
  async check({ istio, config, signal }) {
    await istio.render(config.istio, seconds(60) * config.stepDeadlineFactor, signal);
    return holds;
  },
};

export const hostNamespace: Work<ClusterContext> = {
  check: checkHostNamespace,
  apply: makeHostNamespace,
};

export const virtualCluster: Work<ClusterContext> = {
  async check({ host, place, connections }) {
    const deployed = await releaseDeployed(host, place);
    return deployed.holds ? await virtualClusterAnswers(host, place, connections) : deployed;
  },
  async apply({ host, config, demo, place, kubeconfig, signal }) {
    if ((await releaseDeployed(host, place)).holds) return await startIfStopped(host, place); // it is starting
    await onceMoreIfRefused(host, async () => {
      for (const release of await pendingReleases(host, place))
        await remove(host, { ...secret, metadata: release.metadata });
      await installVirtualCluster(config, demo, place, { kubeconfig, signal });
    });
  },
  nudge: ({ host, place }) => retryWorkload(host, place.namespace, place.name),
};

const secret = { apiVersion: 'v1', kind: 'Secret' } as const;

export const apiExposure: Work<ClusterContext> = {
  check: async (context) => unless(await missingOrChanged(context.host, await apiExposureManifests(context))),
  apply: async (context) => applyAll(context.host, await apiExposureManifests(context)),
};

function apiExposureManifests({ host, config, demo, place }: ClusterContext): Promise<Manifest[]> {
  return exposureManifests(host, config.exposure, {
    name: place.name,
    namespace: place.namespace,
    labels: demoLabels(namespaceBase(demo), place.name),
    hostname: hostnameOf(config, 'api', publicNameOf(demo), place.name),
    service: place.name,
    port: 443,
    targetPort: 8443,
  });
}

export const vcClient: Work<DemoContext> = {
  check: ({ host, config, demo }) => checkVcClient(host, config, demo),
  apply: ({ host, config, demo }) => applyVcClient(host, config, demo),
};

export const meshRoot: Work<DemoContext> = {
  check: ({ host, demo }) => checkMeshRoot(host, demo),
  apply: ({ host, demo }) => makeMeshRoot(host, demo),
};

export const meshCertificates: Work<ClusterContext> = {
  check: async (context) => checkMeshCertificates(context.host, context.demo, await virtual(context)),
  apply: async (context) =>
    installMeshCertificates(context.host, context.demo, await virtual(context), context.place.name),
};

export const meshReader: Work<ClusterContext> = {
  check: async (context) => checkMeshReader(await virtual(context)),
  apply: async (context) => makeMeshReader(await virtual(context)),
};

const istioNamespace = 'istio-system';

const retryPodsIn = (namespace: string) => async (context: ClusterContext) =>
  retryPods(await virtual(context), namespace);

export const istiod: Work<ClusterContext> = restartable(istioNamespace, () => ['istiod'], {
  check: async (context) => checkIstio(await virtual(context), (await istioOf(context)).controlPlane),
  apply: async (context) => applyIstio(await virtual(context), (await istioOf(context)).controlPlane),
  nudge: retryPodsIn(istioNamespace),
});

/** Work that also restarts its Deployments, once, if the job is to do that. */
function restartable(
  namespace: string,
  namesOf: (context: ClusterContext) => string[] | Promise<string[]>,
  { check, apply, nudge }: Required<Work<ClusterContext>>,
): Work<ClusterContext> {
  return {
    nudge,
    async check(context) {
      if (!context.restarts) return await check(context);
      const restarted = await checkRestarted(await virtual(context), namespace, await namesOf(context), context.jobId);
      return restarted.holds ? await check(context) : restarted;
    },
    async apply(context) {
      await apply(context);
      if (context.restarts)
        await restartDeployments(await virtual(context), namespace, await namesOf(context), context.jobId);
    },
  };
}

async function istioOf({ istio, config, place, signal }: ClusterContext) {
  return (await istio.render(config.istio, undefined, signal))[place.name];
}

export const demoKubeconfig: Work<DemoContext> = {
  check: async (context) =>
    checkDemoKubeconfig(context.host, context.config, context.demo, await bothClusters(context)),
  apply: async (context) =>
    makeDemoKubeconfig(context.host, context.config, context.demo, await bothClusters(context), context.signal),
};

const samplesOf = ({ place, config }: ClusterContext) => helloworldManifests(place.name, config);
const sampleNames = (context: ClusterContext) => deploymentsIn(samplesOf(context));
const deploymentsIn = (manifests: Manifest[]) =>
  manifests.flatMap(({ kind, metadata }) => (kind === 'Deployment' ? [metadata.name] : []));

export const helloworld: Work<ClusterContext> = restartable(sampleNamespace, sampleNames, {
  check: async (context) => checkHelloworld(await virtual(context), samplesOf(context)),
  apply: async (context) => applyHelloworld(await virtual(context), samplesOf(context)),
  nudge: retryPodsIn(sampleNamespace),
});

export const remoteSecrets: Work<DemoContext> = {
  async check(context) {
    for (const request of await remoteSecretRequests(context)) {
      const there = await checkRemoteSecret(request);
      if (!there.holds) return there;
    }
    return holds;
  },
  async apply(context) {
    for (const request of await remoteSecretRequests(context)) await applyRemoteSecret(request);
  },
};

async function remoteSecretRequests(context: DemoContext) {
  const clusters = await bothClusters(context);
  return virtualClusterNames.map((name) => {
    const other = name === 'vc1' ? 'vc2' : 'vc1';
    return {
      host: context.host,
      cluster: clusters[name],
      remote: { place: placeOf(context.demo, other), cluster: clusters[other] },
    };
  });
}

/** What has certificates of a cluster's istiod. */
async function meshed({ istio, config, signal }: DemoContext, name: VirtualClusterName) {
  const { ingressGateway } = (await istio.render(config.istio, undefined, signal))[name];
  return {
    [istioNamespace]: deploymentsIn(ingressGateway),
    [sampleNamespace]: deploymentsIn(helloworldManifests(name, config)),
  };
}

/**
 * Proves that the mesh spans both clusters: requests from vc1 are answered by v1 and by v2, and both istiods watch the other
 * cluster. Without that, requests are answered only until a pod starts again and gets another address.
 */
export const meshTraffic: Work<DemoContext> = {
  async check(context) {
    const { config, signal } = context;
    const clusters = await bothClusters(context);
    const answered = await checkBothAnswer(clusters.vc1, config, signal);
    if (!answered.holds) return answered;
    const read = await Promise.all(virtualClusterNames.map((name) => checkOtherIsRead(clusters[name], name, signal)));
    return read.find((check) => !check.holds) ?? holds;
  },
  async apply(context) {
    const { config, jobId, signal } = context;
    const clusters = await bothClusters(context);
    const wait = { restartFor: jobId, deadlineFactor: config.stepDeadlineFactor, signal };
    try {
      await Promise.all(
        virtualClusterNames.map(async (name) => {
          await untilRootIsUsed(clusters[name], name, () => meshed(context, name), wait);
          await untilOtherIsRead(clusters[name], name, wait);
        }),
      );
    } catch (error) {
      signal.throwIfAborted();
      const answered = await checkBothAnswer(clusters.vc1, config, signal);
      if (!answered.holds) throw new Error(`${answered.seen}; ${messageOf(error)}`, { cause: error });
    }
  },
};

export const dashboard: Work<ClusterContext> = {
  check: async (context) => checkDashboard(await virtual(context), context.config),
  apply: async (context) => applyDashboard(await virtual(context), context.config),
  nudge: retryPodsIn(dashboardNamespace),
};

export const dashboardExposure: Work<ClusterContext> = {
  check: checkDashboardExposure,
  apply: applyDashboardExposure,
};

export const helloworldIngress: Work<DemoContext> = {
  async check(context) {
    const manifest = await ingressOf(context);
    return manifest ? unless(await missingOrChanged(context.host, [manifest])) : lacks(notSynced);
  },
  async apply(context) {
    const manifest = await ingressOf(context);
    if (!manifest) throw new NotYet(notSynced);
    await apply(context.host, manifest);
  },
};

const notSynced = 'vcluster has not created the Service of helloworld in the host cluster yet';

async function ingressOf({ host, config, demo }: DemoContext): Promise<Manifest | undefined> {
  const place = placeOf(demo, 'vc1');
  const service = await syncedService(host, place, 'sample', 'helloworld');
  if (!service) return undefined;
  const { className, annotations } = config.helloworld.ingress;
  const manifest = helloworldIngressManifest({
    name: 'helloworld',
    namespace: place.namespace,
    labels: demoLabels(namespaceBase(demo), place.name),
    hostname: hostnameOf(config, 'app', publicNameOf(demo), place.name),
    service,
    className,
  });
  return withAnnotations(manifest, annotations);
}

const gatewayNames = async (context: ClusterContext) => deploymentsIn((await istioOf(context)).ingressGateway);

export const ingressGateway: Work<ClusterContext> = restartable(istioNamespace, gatewayNames, {
  check: async (context) => checkIstio(await virtual(context), (await istioOf(context)).ingressGateway),
  apply: async (context) => applyIstio(await virtual(context), (await istioOf(context)).ingressGateway),
  nudge: retryPodsIn(istioNamespace),
});

/** The lifetime of a demo starts when it is ready for the first time. */
export const ready: Work<DemoContext> = {
  async check({ host, demo }) {
    const current = await findDemo(host, demo.name);
    return current?.state === 'ready' ? holds : lacks(`the demo is marked as ${current?.state ?? 'missing'}`);
  },
  apply: async ({ host, demo }) => void (await changeRecord(host, demo, (current) => readyDemo(current, host.now()))),
};

export const delivery = deliveryOf('the kubeconfig has not been sent yet');

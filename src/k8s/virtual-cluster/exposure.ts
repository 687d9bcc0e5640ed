import type { DemoConfig } from '../../config.js';
import { exposureKinds } from '../../config/schema.js';
import { UserError } from '../../errors.js';
import type { Cluster } from '../client/cluster.js';
import { apiGroups } from '../client/discovery.js';
import type { Manifest } from '../client/manifest.js';

/** A TLS endpoint in the host cluster that gets a public name; TLS is passed through to it. */
export interface ExposedService {
  name: string;
  namespace: string;
  labels: Record<string, string>;
  hostname: string;
  service: string;
  /** The port of the Service. */
  port: number;
  /** The port of its pods, if it differs. */
  targetPort?: number;
}

/**
 * The object that makes the ingress controller pass TLS for a name through to a service; none for `none`.
 * Passing through matters: a controller that terminates TLS loses the client certificate.
 * @throws UserError `no-traefik` if the host cluster does not serve IngressRouteTCP.
 */
export async function exposureManifests(
  host: Cluster,
  exposure: DemoConfig['exposure'],
  exposed: ExposedService,
): Promise<Manifest[]> {
  if (exposure.kind === 'none') return [];
  const manifest = await manifestOf(host, exposure, exposed);
  return [withAnnotations(manifest, exposure.annotations)];
}

async function manifestOf(
  host: Cluster,
  exposure: Exclude<DemoConfig['exposure'], { kind: 'none' }>,
  exposed: ExposedService,
): Promise<Manifest> {
  switch (exposure.kind) {
    case 'traefik':
      return ingressRouteTcp(await traefikGroup(host), exposure.entryPoint, exposed);
    case 'nginx':
      return passthroughIngress(exposure.ingressClassName, exposed);
    case 'gateway':
      return tlsRoute(exposure.gateway, exposed);
    case 'route':
      return passthroughRoute(exposed);
  }
}

/** The manifest with annotations that override its own. */
export function withAnnotations(manifest: Manifest, annotations: Record<string, string> = {}): Manifest {
  if (Object.keys(annotations).length === 0) return manifest;
  return {
    ...manifest,
    metadata: { ...manifest.metadata, annotations: { ...manifest.metadata.annotations, ...annotations } },
  };
}

async function traefikGroup(host: Cluster): Promise<string> {
  const groups = await apiGroups(host);
  const served = ['traefik.io', 'traefik.containo.us'].find((group) => groups.some(({ name }) => name === group));
  if (served) return served;
  const others = exposureKinds.filter((kind) => kind !== 'traefik');
  throw new UserError(
    'no-traefik',
    "The host cluster does not serve Traefik's IngressRouteTCP (traefik.io or traefik.containo.us).",
    {
      hint: `Install Traefik with its CRDs, or set exposure.kind in the configuration to one of ${others.join(', ')}.`,
    },
  );
}

/** @see https://doc.traefik.io/traefik/routing/providers/kubernetes-crd/#kind-ingressroutetcp */
export function ingressRouteTcp(
  group: string,
  entryPoint: string,
  { name, namespace, labels, hostname, service, port }: ExposedService,
): Manifest {
  return {
    apiVersion: `${group}/v1alpha1`,
    kind: 'IngressRouteTCP',
    metadata: { name, namespace, labels },
    spec: {
      entryPoints: [entryPoint],
      routes: [{ match: `HostSNI(\`${hostname}\`)`, services: [{ name: service, port }] }],
      tls: { passthrough: true },
    },
  };
}

/** @see https://kubernetes.github.io/ingress-nginx/user-guide/tls/#ssl-passthrough */
export function passthroughIngress(
  ingressClassName: string,
  { name, namespace, labels, hostname, service, port }: ExposedService,
): Manifest {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      name,
      namespace,
      labels,
      annotations: {
        'nginx.ingress.kubernetes.io/ssl-passthrough': 'true',
        'nginx.ingress.kubernetes.io/backend-protocol': 'HTTPS',
        'nginx.ingress.kubernetes.io/ssl-redirect': 'true',
      },
    },
    spec: {
      ingressClassName,
      rules: [
        {
          host: hostname,
          http: {
            paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: service, port: { number: port } } } }],
          },
        },
      ],
    },
  };
}

/** @see https://gateway-api.sigs.k8s.io/guides/tls/ */
export function tlsRoute(
  gateway: { name: string; namespace: string; sectionName?: string | undefined },
  { name, namespace, labels, hostname, service, port }: ExposedService,
): Manifest {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'TLSRoute',
    metadata: { name, namespace, labels },
    spec: { parentRefs: [gateway], hostnames: [hostname], rules: [{ backendRefs: [{ name: service, port }] }] },
  };
}

/** @see https://docs.redhat.com/en/documentation/openshift_container_platform/4.18/html/network_apis/route-route-openshift-io-v1 */
export function passthroughRoute({
  name,
  namespace,
  labels,
  hostname,
  service,
  port,
  targetPort = port,
}: ExposedService): Manifest {
  return {
    apiVersion: 'route.openshift.io/v1',
    kind: 'Route',
    metadata: { name, namespace, labels },
    spec: {
      host: hostname,
      to: { kind: 'Service', name: service, weight: 100 },
      port: { targetPort },
      tls: { termination: 'passthrough', insecureEdgeTerminationPolicy: 'None' },
      wildcardPolicy: 'None',
    },
  };
}

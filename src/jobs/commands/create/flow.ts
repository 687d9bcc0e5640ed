import { minutes, seconds } from '../../../duration.js';
import type { ClusterContext, DemoContext } from '../../context.js';
import { Flow } from '../../flow.js';
import {
  apiExposure,
  dashboard,
  dashboardExposure,
  delivery,
  demoKubeconfig,
  helloworld,
  helloworldIngress,
  hostNamespace,
  ingressGateway,
  istiod,
  istioManifests,
  meshCertificates,
  meshReader,
  meshRoot,
  meshTraffic,
  preflight,
  ready,
  remoteSecrets,
  vcClient,
  virtualCluster,
} from './steps.js';

/**
 * `/vcdemo create` on one page: what is done once or on each virtual cluster, after which steps, how long it may take, and
 * what people read meanwhile and, in `status`, as the name of what was made. How it is done is in steps.ts and src/k8s.
 */
// prettier-ignore
export const createFlow = Flow.of<DemoContext, ClusterContext>()
  .step('preflight',         { on: 'once', after: [],                                   work: preflight,         within: seconds(30), says: 'Checking permissions and names in the host cluster', part: 'Permissions and names' })
  .step('istioManifests',    { on: 'once', after: ['preflight'],                        work: istioManifests,    within: minutes(2),  says: 'Rendering Istio', part: 'Istio manifests' })
  .step('hostNamespace',     { on: 'each', after: ['preflight'],                        work: hostNamespace,     within: minutes(3),  says: 'Creating the namespace', part: 'Namespace' })
  .step('virtualCluster',    { on: 'each', after: ['hostNamespace'],                    work: virtualCluster,    within: minutes(5),  says: 'Starting the virtual cluster', part: 'Virtual cluster' })
  .step('apiExposure',       { on: 'each', after: ['hostNamespace'],                    work: apiExposure,       within: seconds(30), says: 'Exposing the API', part: 'Public address of the API' })
  .step('vcClient',          { on: 'once', after: ['hostNamespace'],                    work: vcClient,          within: minutes(3),  says: 'Starting vc-client', part: 'vc-client' })
  .step('meshRoot',          { on: 'once', after: ['hostNamespace'],                    work: meshRoot,          within: seconds(30), says: 'Creating the root CA of the mesh', part: 'Root CA of the mesh' })
  .step('meshCertificates',  { on: 'each', after: ['virtualCluster', 'meshRoot'],       work: meshCertificates,  within: seconds(30), says: 'Installing the mesh certificates', part: 'Mesh certificates' })
  .step('meshReader',        { on: 'each', after: ['meshCertificates'],                 work: meshReader,        within: seconds(30), says: 'Creating the account for the other istiod', part: 'Account for the other istiod' })
  .step('istiod',            { on: 'each', after: ['meshCertificates', 'istioManifests'], work: istiod,          within: minutes(5),  says: 'Installing istiod', part: 'istiod' })
  .step('kubeconfig',        { on: 'once', after: ['virtualCluster', 'apiExposure'],    work: demoKubeconfig,    within: minutes(1),  says: 'Issuing and testing the kubeconfig', part: 'Kubeconfig' })
  .step('helloworld',        { on: 'each', after: ['istiod'],                           work: helloworld,        within: minutes(5),  says: 'Deploying helloworld', part: 'helloworld' })
  .step('remoteSecrets',     { on: 'once', after: ['meshReader', 'istiod'],             work: remoteSecrets,     within: seconds(30), says: 'Joining the clusters into one mesh', part: 'Remote secrets' })
  .step('meshTraffic',       { on: 'once', after: ['helloworld', 'remoteSecrets'],      work: meshTraffic,       within: minutes(2),  says: 'Waiting for both versions to answer', part: 'Traffic between the clusters' })
  .step('dashboard',         { on: 'each', after: ['virtualCluster'],                   work: dashboard,         within: minutes(4),  says: 'Installing the Kubernetes Dashboard', part: 'Kubernetes Dashboard', when: (config) => config.dashboard.enabled })
  .step('dashboardExposure', { on: 'each', after: ['dashboard'],                        work: dashboardExposure, within: minutes(1),  says: 'Exposing the Dashboard', part: 'Public address of the Dashboard', when: (config) => config.dashboard.enabled })
  .step('helloworldIngress', { on: 'once', after: ['helloworld'],                       work: helloworldIngress, within: minutes(1),  says: 'Exposing helloworld', part: 'Public address of helloworld', when: (config) => config.helloworld.ingress.enabled })
  .step('ingressGateway',    { on: 'each', after: ['istiod'],                           work: ingressGateway,    within: minutes(5),  says: 'Installing the ingress gateway', part: 'Ingress gateway' })
  .step('ready',             { on: 'once', after: 'all',                                work: ready,             within: minutes(1),  says: 'Marking the demo as ready', part: 'State of the demo' })
  .step('delivery',          { on: 'once', after: ['ready'],                            work: delivery,          within: minutes(2),  says: 'Sending the kubeconfig', part: 'Delivery of the kubeconfig' });

/** The steps that hold for every demo that is ready. */
export const readyFlow = createFlow.without('delivery');

/** What of a demo can be made before it has a name and an owner. */
export const warmFlow = createFlow.without(
  'apiExposure',
  'kubeconfig',
  'dashboardExposure',
  'helloworldIngress',
  'ready',
  'delivery',
);

/** What of a demo is made when it claims a warm pair, and the proof that the pair still works: in seconds, or it does not. */
export const claimFlow = createFlow
  .without(
    'istioManifests',
    'virtualCluster',
    'vcClient',
    'meshRoot',
    'meshCertificates',
    'meshReader',
    'istiod',
    'helloworld',
    'remoteSecrets',
    'dashboard',
    'ingressGateway',
  )
  .within('meshTraffic', seconds(10));

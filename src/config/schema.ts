import { z } from 'zod';
import { formatDuration, minutes, parseDuration } from '../duration.js';
import { admissionKeys } from './admission.js';
import { quotaNeedsLimits, tenancyKeys } from './isolation.js';

/*
 * Every key of the configuration file, with its default and what it means. `npm run docs` writes docs/configuration.md
 * and the JSON schema for editors from it: a description is Markdown, read in both.
 */

const notADuration = 'expected a duration such as 8h, 90m or 2d';
/** Read as milliseconds. */
const duration = z
  .string()
  .regex(/^(\d+[dhms])+$/, notADuration)
  .transform((text, context) => {
    const parsed = parseDuration(text);
    if (parsed === undefined) context.addIssue(notADuration);
    return parsed ?? 0;
  });

/**
 * The shortest lifetime of a demo. Kubernetes issues no client certificate for less than ten minutes, and people must
 * have a moment to ask for theirs.
 */
export const shortestTtlMs = minutes(15);

const lifetime = duration.refine((ms) => ms >= shortestTtlMs, `must be at least ${formatDuration(shortestTtlMs)}`);

/** Values that are passed on unchanged: Helm values, parts of an IstioOperator. */
const freeform = z.record(z.string(), z.unknown());
const digest = z.string().regex(/^sha256:[a-f\d]{64}$/, 'expected sha256: and 64 hexadecimal digits');
const stringMap = z.record(z.string(), z.string());
const quantity = z.union([
  z.string().regex(/^[0-9.]+([numkMGTPE]i?)?$/, 'expected a quantity such as 100m or 64Mi'),
  z.number(),
]);
const quantities = z.record(z.string(), quantity);
const resources = z.strictObject({
  requests: quantities
    .optional()
    .describe('what each of its containers requests, such as `{ cpu: 10m, memory: 64Mi }`'),
  limits: quantities.optional().describe('what each of its containers is limited to'),
});
const slackIds = z.array(z.string().regex(/^[A-Z0-9]{2,}$/, 'expected a Slack ID such as U012AB3CD'));
const dnsLabel = '[a-z0-9]([-a-z0-9.]*[a-z0-9])?';
const pullSecret = z.string().regex(new RegExp(`^(${dnsLabel}/)?${dnsLabel}$`), 'expected a name, or namespace/name');
const hostTemplate = z.string().regex(/^(?=.*\{demo\})(?=.*\{cluster\})/, 'must contain {demo} and {cluster}');

const address = z
  .string()
  .regex(/^([\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5}$/, 'expected host:port, an IPv6 address in brackets')
  .optional()
  .describe(
    '`host:port` of the ingress controller (`[::1]:443` for IPv6), where the public names have no DNS records: kubeconfigs then use it as the server, and the name as `tls-server-name`',
  );

/** Becomes part of queue names. */
const hostClusterName = z.string().regex(/^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$/, 'expected a name such as eu-1');

const exposureKind = <Kind extends string>(kind: Kind) =>
  z
    .literal(kind)
    .describe(
      'how public names reach a virtual cluster: `traefik` (IngressRouteTCP; its API group is discovered), `nginx` (Ingress), `gateway` (TLSRoute), `route` (Route of OpenShift; checked against its schema, not yet seen on a real one), or `none` (people forward ports). The controller must pass TLS through',
    );

/** Of every kind but `none`. */
const exposed = {
  address,
  annotations: stringMap
    .default({})
    .describe("annotations for the objects that `kind` stands for, such as a controller's own; they win over vcdemo's"),
  proof: z
    .enum(['required', 'warn'])
    .default('required')
    .describe(
      'whether a demo needs the proof, by the worker, that its public names work. With `warn` the kubeconfig is handed out without it, with the reason beside it: for workers that cannot resolve or reach names that work for people (split DNS, no way back in through the load balancer)',
    ),
};

const exposure = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: exposureKind('traefik'),
    entryPoint: z.string().default('websecure').describe("Traefik's entry point for TLS"),
    ...exposed,
  }),
  z.strictObject({
    kind: exposureKind('nginx'),
    ingressClassName: z.string().default('nginx').describe('the class of the Ingress objects'),
    ...exposed,
  }),
  z.strictObject({
    kind: exposureKind('gateway'),
    gateway: z
      .strictObject({
        name: z.string().describe('name of the Gateway that the TLSRoutes attach to'),
        namespace: z.string().describe('its namespace'),
        sectionName: z.string().optional().describe('its listener, if the Gateway has several'),
      })
      .describe('the Gateway'),
    ...exposed,
  }),
  z.strictObject({ kind: exposureKind('route'), ...exposed }),
  z.strictObject({ kind: exposureKind('none') }),
]);

/** What may differ between host clusters. Only workers read it. */
export const hostClusterConfig = z.strictObject({
  domain: z.string().default('vcdemo.example.com').describe('fills `{domain}` in the templates under `hosts`'),
  hosts: z
    .strictObject({
      api: hostTemplate
        .default('{demo}-{cluster}.{domain}')
        .describe("public name of a virtual cluster's API; must contain `{demo}` and `{cluster}`, like the next two"),
      dashboard: hostTemplate
        .default('{demo}-{cluster}-dashboard.{domain}')
        .describe('public name of a Kubernetes Dashboard'),
      app: hostTemplate
        .default('{demo}-{cluster}-helloworld.{domain}')
        .describe('public name of helloworld, if `helloworld.ingress.enabled`'),
    })
    .prefault({})
    .describe('templates for public names'),
  exposure: exposure.prefault({ kind: 'traefik' }).describe('how demos are reached from outside'),
  namespace: z
    .strictObject({
      labels: stringMap
        .default({})
        .describe("labels for a demo's namespaces in the host cluster, such as Pod Security's"),
      annotations: stringMap.default({}).describe('annotations for them, such as a Rancher project'),
    })
    .prefault({})
    .describe("metadata for a demo's namespaces in the host cluster"),
  vcluster: z
    .strictObject({
      chart: z
        .string()
        .default('vcluster')
        .describe(
          'name of the chart in `repository`, an `oci://` reference, or a .tgz file (relative to the configuration file if it begins with `.`)',
        ),
      repository: z
        .url()
        .default('https://charts.loft.sh')
        .describe(
          'repository of the chart, if `chart` is a name; helm gets a user name and password in it in a file that is removed at once, as it does those in an `oci://` reference',
        ),
      digest: digest
        .optional()
        .describe('`sha256:…` of the chart, if `chart` is a .tgz file: any other file is refused'),
      version: z
        .string()
        .regex(/^v?\d+\.\d+\.\d+/, 'expected a version such as 0.34.0')
        .default('0.34.0')
        .describe(
          "the chart's version; for 0.19 and older, values of that generation are written, from 0.20 on `controlPlane.*`",
        ),
      values: freeform
        .default({})
        .describe(
          "Helm values merged over vcdemo's own; lists are joined. Features that they turn on may need more rights for the worker ([the chart's README](../helm/vcdemo/README.md#rights)); the chart's own ClusterRole stays off",
        ),
    })
    .refine(({ chart, digest }) => digest === undefined || /^(?!\w+:\/\/).*\.tgz$/.test(chart), {
      path: ['digest'],
      message: 'needs `chart` to be a .tgz file',
    })
    .prefault({})
    .describe("vcluster's Helm chart"),
  istio: z
    .strictObject({
      hub: z.string().default('docker.io/istio').describe("registry and path of Istio's images"),
      tag: z
        .string()
        .regex(/^\w[\w.-]*$/, 'expected a tag such as 1.30.0; digests go in istio.digests')
        .default('1.30.0')
        .describe("tag of Istio's images; the worker's istioctl must be of that version or one minor version away"),
      digests: z
        .strictObject({
          pilot: digest
            .optional()
            .describe('digest of `<hub>/pilot:<tag>`, such as `sha256:…`, to run exactly that image'),
          proxyv2: digest.optional().describe('digest of `<hub>/proxyv2:<tag>`'),
        })
        .optional()
        .describe("digests of Istio's images"),
      operator: freeform
        .default({})
        .describe('merged over the `spec` of the IstioOperator; gateways with the same name are merged'),
    })
    .prefault({})
    .describe('the mesh'),
  images: z
    .strictObject({
      helloworldV1: z
        .string()
        .default('docker.io/istio/examples-helloworld-v1:1.0')
        .describe('image of helloworld in the first virtual cluster; like all of these it may end with `@sha256:…`'),
      helloworldV2: z
        .string()
        .default('docker.io/istio/examples-helloworld-v2:1.0')
        .describe('image of helloworld in the second'),
      sleep: z
        .string()
        .default('docker.io/curlimages/curl:8.16.0')
        .describe('image of the pods that send the requests; needs sh, grep and curl 7.75'),
      client: z
        .string()
        .default('docker.io/alpine/k8s:1.33.4')
        .describe('image of vc-client, the pod to work from; needs a shell and kubectl'),
      dashboard: z
        .string()
        .default('docker.io/kubernetesui/dashboard:v2.7.0')
        .describe('image of the Kubernetes Dashboard'),
      pullSecrets: z
        .array(pullSecret)
        .default([])
        .describe(
          "Secrets with registry credentials (type `kubernetes.io/dockerconfigjson`) for all images of a demo, vcluster's and Istio's too: a name in the worker's own namespace, or `namespace/name`. They are copied into each namespace of a demo, where whoever may read its Secrets can read them",
        ),
    })
    .prefault({})
    .describe('images of everything but vcluster and Istio; each may end with `@sha256:…`'),
  isolation: z
    .strictObject({ ...admissionKeys, ...tenancyKeys })
    .refine(quotaNeedsLimits.holds, quotaNeedsLimits.problem)
    .prefault({})
    .describe('what keeps a demo and the rest of the host cluster apart'),
  vcClient: z
    .strictObject({
      role: z
        .enum(['reader', 'admin'])
        .default('reader')
        .describe(
          "what vc-client may do in the demo's namespaces of the host cluster: `reader` looks at Services, claims, events and the like, but not at Secrets and pods, which hold credentials; `admin` is the source document's ClusterRole",
        ),
    })
    .prefault({})
    .describe('the pod to work from'),
  dashboard: z
    .strictObject({
      enabled: z.boolean().default(true).describe('install the Kubernetes Dashboard in both virtual clusters'),
    })
    .prefault({})
    .describe('the Kubernetes Dashboard'),
  helloworld: z
    .strictObject({
      ingress: z
        .strictObject({
          enabled: z.boolean().default(false).describe('create an Ingress for helloworld in vc1'),
          className: z.string().optional().describe('its class'),
          annotations: stringMap.default({}).describe('its annotations'),
        })
        .prefault({})
        .describe('an Ingress for helloworld in vc1'),
      resources: resources
        .default({ requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '256Mi' } })
        .describe('the resources of its containers; a ResourceQuota of the host cluster may want both'),
    })
    .prefault({})
    .describe("Istio's helloworld sample"),
  delivery: z
    .enum(['channel', 'dm'])
    .default('channel')
    .describe(
      'where the kubeconfig of a new demo goes: into the channel where it was asked for, or to its owner alone (`dm`). It never goes into a channel that guests, other organizations or people outside `access.users` read, or of which that cannot be known',
    ),
  credentials: z
    .strictObject({
      maxAge: lifetime
        .prefault('8h')
        .describe('how long the certificates in a kubeconfig are valid; `/vcdemo kubeconfig` issues new ones'),
    })
    .prefault({})
    .describe('what people get to use a demo with'),
  sleep: z
    .strictObject({
      resources: resources
        .default({ requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '256Mi' } })
        .describe('the resources of its containers'),
    })
    .prefault({})
    .describe('the pods that send the requests'),
  stepDeadlineFactor: z
    .number()
    .positive()
    .default(1)
    .describe(
      'multiplies the deadline of every step and of every wait inside it (helm, istioctl, certificates, rights), for host clusters slower than most',
    ),
});

/** What holds for all host clusters. The bot reads this much of the file and nothing else. */
export const sharedConfig = z.strictObject({
  ttl: z
    .strictObject({
      default: lifetime
        .prefault('8h')
        .describe('lifetime of a demo unless `--ttl` says otherwise; `30m`, `8h`, `2d`; at least `15m`'),
      max: lifetime.prefault('3d').describe('the longest lifetime that people can ask for'),
    })
    .prefault({})
    .describe('how long demos live'),
  limits: z
    .strictObject({
      demosPerPerson: z
        .number()
        .int()
        .positive()
        .default(5)
        .describe('demos that one person may own at a time, on each host cluster'),
      demos: z.number().int().positive().default(50).describe('demos in all, on each host cluster'),
      waitingPerPerson: z
        .number()
        .int()
        .positive()
        .default(10)
        .describe('jobs of one person that may wait for a worker'),
      commandsPerMinute: z
        .number()
        .int()
        .positive()
        .default(30)
        .describe('commands of one person that a bot takes in a minute'),
    })
    .prefault({})
    .describe('how much one person may ask for; administrators are not limited'),
  access: z
    .strictObject({
      users: slackIds.default([]).describe('Slack IDs of the people who may use vcdemo; empty: everybody'),
      channels: slackIds.default([]).describe('Slack IDs of the channels where it may be used; empty: everywhere'),
      admins: slackIds
        .default([])
        .describe("Slack IDs of administrators, who may use vcdemo as well, and delete other people's demos"),
      guests: z
        .boolean()
        .default(false)
        .describe(
          'whether guests of the workspace, and people of other organizations in shared channels, may use vcdemo',
        ),
    })
    .prefault({})
    .describe('who may use vcdemo, and where'),
  clusters: z
    .record(hostClusterName, hostClusterConfig.partial().nullable())
    .default({})
    .transform((clusters) => Object.keys(clusters))
    .describe(
      'several host clusters, by name; each lists the keys in which it differs, which replace those at the top whole. Demos are created on the first unless `--on` names another. `ttl`, `limits` and `access` are the same for all',
    ),
});

/** What holds for all host clusters: all that the bot knows of the file. */
export type SharedConfig = z.output<typeof sharedConfig>;

/** The whole file. */
export const demoConfig = hostClusterConfig.extend(sharedConfig.shape);

/** Everything about demos; docs/configuration.md explains each key. */
export type DemoConfig = z.output<typeof demoConfig> & {
  /** Which of `clusters` these settings belong to; undefined with a single host cluster. */
  hostCluster?: string;
};

import * as z from 'zod';
import { formatDuration, minutes, parseDuration } from '../duration.js';
import { admissionKeys } from './admission.js';
import { areDistinct } from './host-templates.js';
import { quantity, quotaNeedsLimits, tenancyKeys } from './isolation.js';

/*
 * Every key of the configuration file, with its default and its meaning. `npm run docs` writes docs/configuration.md and
 * the JSON schema for editors from it: descriptions are Markdown and appear in both.
 */

const notADuration = 'expected a duration such as 8h, 90m or 2d';
/** Parsed to milliseconds. */
const duration = z
  .string()
  .regex(/^(\d+[dhms])+$/, notADuration)
  .transform((text, context) => {
    const parsed = parseDuration(text);
    if (parsed === undefined) context.addIssue(notADuration);
    return parsed ?? 0;
  });

/**
 * The shortest lifetime of a demo. Kubernetes does not issue client certificates for less than ten minutes, and people need
 * some time to request theirs.
 */
export const shortestTtlMs = minutes(15);

const lifetime = duration.refine((ms) => ms >= shortestTtlMs, `must be at least ${formatDuration(shortestTtlMs)}`);

/** Values that are passed on unchanged: Helm values, parts of an IstioOperator. */
const freeform = z.record(z.string(), z.unknown());
const digest = z.string().regex(/^sha256:[a-f\d]{64}$/, 'expected sha256: and 64 hexadecimal digits');
const stringMap = z.record(z.string(), z.string());
const quantities = z.record(z.string(), quantity);
const resources = z.strictObject({
  requests: quantities.optional().describe('resource requests of each container, such as `{ cpu: 10m, memory: 64Mi }`'),
  limits: quantities.optional().describe('resource limits of each container'),
});
const slackId = z.string().regex(/^[A-Z0-9]{2,}$/, 'expected a Slack ID such as U012AB3CD');
const slackIds = z.array(slackId);
const dnsLabel = '[a-z0-9]([-a-z0-9.]*[a-z0-9])?';
const pullSecret = z.string().regex(new RegExp(`^(${dnsLabel}/)?${dnsLabel}$`), 'expected a name, or namespace/name');
const secretName = (written: string) => written.split('/').at(-1);
const hostTemplate = z.string().regex(/^(?=.*\{demo\})(?=.*\{cluster\})/, 'must contain {demo} and {cluster}');

const notAnAddress = 'expected host:port, with an IPv6 address in brackets';
const address = z
  .string()
  .regex(/^([\w.-]+|\[[\da-fA-F:.]+\]):[1-9]\d{0,4}$/, notAnAddress)
  .refine((text) => URL.canParse(`https://${text}`), notAnAddress)
  .optional()
  .describe(
    '`host:port` of the ingress controller (`[::1]:443` for IPv6), if the public names have no DNS records: kubeconfigs then use it as the server, and the public name as `tls-server-name`',
  );

/** Part of the names of queues. */
const hostClusterName = z.string().regex(/^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$/, 'expected a name such as eu-1');

/** The kinds of exposure, and what makes the public names reach a virtual cluster. */
const kindsOfExposure = {
  traefik: 'IngressRouteTCP; its API group is discovered',
  nginx: 'Ingress',
  gateway: 'TLSRoute',
  route: 'OpenShift Route; checked against its schema, but not yet tried on a real cluster',
  none: 'people forward ports',
} as const;

export const exposureKinds: readonly string[] = Object.keys(kindsOfExposure);

const exposureKind = <Kind extends keyof typeof kindsOfExposure>(kind: Kind) => {
  const each = Object.entries(kindsOfExposure).map(([name, means]) => `\`${name}\` (${means})`);
  const all = `${each.slice(0, -1).join(', ')}, or ${each.at(-1)}`;
  return z
    .literal(kind)
    .describe(`how public names reach a virtual cluster: ${all}. The controller must pass TLS through`);
};

/** Keys of every kind except `none`. */
const exposed = {
  address,
  annotations: stringMap
    .default({})
    .describe(
      "annotations for the objects of this `kind`, such as those of your controller; they override vcdemo's own",
    ),
  proof: z
    .enum(['required', 'warn'])
    .default('required')
    .describe(
      'whether a worker must prove that the public names of a demo work. With `warn`, a kubeconfig that could not be proven is sent anyway, with the reason: for workers that cannot resolve or reach names that work for people (split DNS, a load balancer that cannot be reached from inside)',
    ),
};

const exposure = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: exposureKind('traefik'),
    entryPoint: z.string().default('websecure').describe("Traefik's TLS entry point"),
    ...exposed,
  }),
  z.strictObject({
    kind: exposureKind('nginx'),
    ingressClassName: z.string().default('nginx').describe('class of the Ingress objects'),
    ...exposed,
  }),
  z.strictObject({
    kind: exposureKind('gateway'),
    gateway: z
      .strictObject({
        name: z.string().describe('name of the Gateway that the TLSRoutes attach to'),
        namespace: z.string().describe('namespace of the Gateway'),
        sectionName: z.string().optional().describe('listener of the Gateway, if it has several'),
      })
      .describe('the Gateway'),
    ...exposed,
  }),
  z.strictObject({ kind: exposureKind('route'), ...exposed }),
  z.strictObject({ kind: exposureKind('none') }),
]);

/** Keys that may differ between host clusters. Only workers read them. */
export const hostClusterConfig = z.strictObject({
  domain: z.string().default('vcdemo.example.com').describe('the value of `{domain}` in the templates under `hosts`'),
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
    .refine(
      areDistinct,
      'must not let one demo have a public name of another: begin or end each with something of its own',
    )
    .prefault({})
    .describe('templates for public names'),
  exposure: exposure.prefault({ kind: 'traefik' }).describe('how demos are reached from outside'),
  namespace: z
    .strictObject({
      labels: stringMap
        .default({})
        .describe("labels for a demo's namespaces in the host cluster, such as those of Pod Security"),
      annotations: stringMap
        .default({})
        .describe("annotations for a demo's namespaces in the host cluster, such as a Rancher project"),
    })
    .prefault({})
    .describe("metadata for a demo's namespaces in the host cluster"),
  vcluster: z
    .strictObject({
      chart: z
        .string()
        .default('vcluster')
        .describe(
          'name of the chart in `repository`, an `oci://` reference, or a .tgz file (relative to the configuration file if it starts with `.`)',
        ),
      repository: z
        .url()
        .default('https://charts.loft.sh')
        .describe(
          'repository of the chart, if `chart` is a name. A user name and password in this URL, or in an `oci://` reference, are passed to helm in a temporary file',
        ),
      digest: digest
        .optional()
        .describe('digest (`sha256:…`) of the chart, if `chart` is a .tgz file; a file with another digest is refused'),
      version: z
        .string()
        .regex(/^v?\d+\.\d+\.\d+/, 'expected a version such as 0.34.0')
        .default('0.34.0')
        .describe(
          'version of the chart; vcdemo writes the values that this version expects (up to 0.19 the old format, from 0.20 on `controlPlane.*`)',
        ),
      values: freeform
        .default({})
        .describe(
          "Helm values merged over vcdemo's own; lists are concatenated. Features that they turn on may require more permissions for the worker ([the chart's README](../helm/vcdemo/README.md#permissions)); the vcluster chart's own ClusterRole stays off",
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
        .describe("tag of Istio's images; the worker's istioctl must be within one minor version of it"),
      digests: z
        .strictObject({
          pilot: digest.optional().describe('digest (`sha256:…`) of `<hub>/pilot:<tag>`, to pin that image'),
          proxyv2: digest.optional().describe('digest (`sha256:…`) of `<hub>/proxyv2:<tag>`'),
        })
        .optional()
        .describe("digests of Istio's images"),
      operator: freeform
        .default({})
        .describe("merged over the `spec` of vcdemo's IstioOperator; gateways of the same name are merged"),
    })
    .prefault({})
    .describe('the mesh'),
  images: z
    .strictObject({
      helloworldV1: z
        .string()
        .default('docker.io/istio/examples-helloworld-v1:1.0')
        .describe('image of helloworld in the first virtual cluster; all images may end with `@sha256:…`'),
      helloworldV2: z
        .string()
        .default('docker.io/istio/examples-helloworld-v2:1.0')
        .describe('image of helloworld in the second virtual cluster'),
      sleep: z
        .string()
        .default('docker.io/curlimages/curl:8.16.0')
        .describe('image of the pods that send the requests; must contain sh, grep and curl 7.75 or newer'),
      client: z
        .string()
        .default('docker.io/alpine/k8s:1.33.4')
        .describe('image of vc-client, a pod in which people can work; must contain a shell and kubectl'),
      dashboard: z
        .string()
        .default('docker.io/kubernetesui/dashboard:v2.7.0')
        .describe('image of the Kubernetes Dashboard'),
      pullSecrets: z
        .array(pullSecret)
        .refine(
          (written) => new Set(written.map(secretName)).size === written.length,
          'must have different names, because the copies are in one namespace',
        )
        .default([])
        .describe(
          "Secrets with registry credentials (type `kubernetes.io/dockerconfigjson`) for all images of a demo, including vcluster's and Istio's: a name in the worker's own namespace, or `namespace/name`. They are copied into each namespace of a demo, where everybody who can read its Secrets can read them",
        ),
    })
    .prefault({})
    .describe('images of everything except vcluster and Istio; each may end with `@sha256:…`'),
  isolation: z
    .strictObject({ ...admissionKeys, ...tenancyKeys })
    .refine(quotaNeedsLimits.holds, quotaNeedsLimits.problem)
    .prefault({})
    .describe('the isolation of demos from the rest of the host cluster'),
  vcClient: z
    .strictObject({
      role: z
        .enum(['reader', 'admin'])
        .default('reader')
        .describe(
          "what vc-client may do in the demo's namespaces of the host cluster: with `reader`, read Services, claims, events and similar objects, but not Secrets and pods, which hold credentials; with `admin`, everything in the ClusterRole `admin`, as in the manual guide",
        ),
    })
    .prefault({})
    .describe('vc-client, a pod in which people can work'),
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
          className: z.string().optional().describe('class of the Ingress'),
          annotations: stringMap.default({}).describe('annotations of the Ingress'),
        })
        .prefault({})
        .describe('an Ingress for helloworld in vc1'),
      resources: resources
        .default({ requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '256Mi' } })
        .describe('resources of its containers; a ResourceQuota of the host cluster may require both'),
    })
    .prefault({})
    .describe("Istio's helloworld sample"),
  delivery: z
    .enum(['channel', 'dm'])
    .default('channel')
    .describe(
      'where the kubeconfig of a new demo is sent: to the channel of the command, or only to the owner (`dm`). It is never sent to a channel that guests, other organizations or people outside `access.users` can read (everybody in the workspace can read a public channel), or whose members cannot be determined',
    ),
  credentials: z
    .strictObject({
      maxAge: lifetime
        .prefault('8h')
        .describe('how long the certificates in a kubeconfig are valid; `/vcdemo kubeconfig` issues new ones'),
    })
    .prefault({})
    .describe('the credentials that people get for a demo'),
  sleep: z
    .strictObject({
      resources: resources
        .default({ requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '256Mi' } })
        .describe('resources of its containers'),
    })
    .prefault({})
    .describe('the pods that send the requests'),
  pool: z
    .strictObject({
      size: z
        .number()
        .int()
        .nonnegative()
        .default(0)
        .describe(
          'how many warm pairs workers keep ready: complete demos without a name or an owner. `create` takes one and is done within seconds. Each pair costs as much as a demo ([operations.md](operations.md#warm-pairs)). Administrators can change the number with `/vcdemo pool size`',
        ),
      max: z
        .number()
        .int()
        .nonnegative()
        .default(3)
        .describe(
          'the most warm pairs that `size` or an administrator can ask for; none is made for which `limits.demos` leaves no room',
        ),
      paused: z
        .boolean()
        .default(false)
        .describe(
          'whether the control planes of warm pairs are stopped once a pair has been proven, which saves most of its CPU; a `create` that takes the pair starts them again, which takes longer',
        ),
      maxAge: lifetime.prefault('12h').describe('the age at which a warm pair is replaced'),
    })
    .prefault({})
    .describe('warm pairs: demos that are made in advance'),
  pause: z
    .strictObject({
      stopsExpiry: z
        .boolean()
        .default(false)
        .describe("whether a demo's lifetime is on hold while the demo is paused; otherwise it expires as planned"),
    })
    .prefault({})
    .describe('pausing demos'),
  autoPause: z
    .strictObject({
      idle: lifetime
        .optional()
        .describe(
          'how long a demo can be idle before it is paused; if unset, none is. Commands that name the demo count as use, and so do requests in its mesh and pods that come or go; scheduled verifies do not ([operations.md](operations.md#idle-demos))',
        ),
    })
    .prefault({})
    .describe('pausing demos that nobody uses'),
  stepDeadlineFactor: z
    .number()
    .positive()
    .default(1)
    .describe(
      'multiplies the deadline of every step and of every wait in it (helm, istioctl, certificates, permissions), for slow host clusters',
    ),
});

/** Keys that apply to all host clusters. The bot reads these and nothing else. */
export const sharedConfig = z.strictObject({
  ttl: z
    .strictObject({
      default: lifetime
        .prefault('8h')
        .describe('lifetime of a demo unless `--ttl` says otherwise, such as `30m`, `8h` or `2d`; at least `15m`'),
      max: lifetime.prefault('3d').describe('the longest lifetime that `--ttl` accepts'),
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
        .describe('demos that one person may own at a time on each host cluster'),
      demos: z.number().int().positive().default(50).describe('demos in total on each host cluster'),
      waitingPerPerson: z
        .number()
        .int()
        .positive()
        .default(10)
        .describe(
          "how many of one person's jobs may wait for a worker in each queue: creating demos and replacing keys, deleting demos, and everything else",
        ),
      commandsPerMinute: z
        .number()
        .int()
        .positive()
        .default(30)
        .describe('commands that a bot accepts from one person per minute'),
    })
    .prefault({})
    .describe('limits per person; they do not apply to administrators'),
  access: z
    .strictObject({
      viewers: z
        .array(z.union([slackId, z.literal('everybody')]))
        .default([])
        .describe(
          'Slack IDs of those who may only look (`list`, `status` and the like): people (`U…`), user groups (`S…`) and channels (`C…`, meaning their members; vcdemo must be in a private one), as in the next two; `everybody` means all who are not listed there',
        ),
      users: slackIds
        .default([])
        .describe(
          'Slack IDs of the people, user groups and channels who may create demos and use them; if empty, everybody may who is not listed as a viewer',
        ),
      channels: slackIds
        .default([])
        .describe('Slack IDs of the channels in which vcdemo may be used; if empty, all of them'),
      admins: slackIds
        .default([])
        .describe(
          "Slack IDs of the administrators (people, user groups and channels), who may do everything with everybody's demos, such as delete them or revoke access to them",
        ),
      guests: z
        .boolean()
        .default(false)
        .describe(
          'whether guests of the workspace, and people from other organizations in shared channels, may use vcdemo',
        ),
    })
    .prefault({})
    .describe('who may use vcdemo, and where'),
  slack: z
    .strictObject({
      adminChannel: slackId
        .optional()
        .describe(
          'Slack ID of the channel that gets one message when a host cluster breaks several demos at once: creates that fail for the same reason, or meshes that stop working, within a quarter of an hour. Invite vcdemo there if it is private',
        ),
    })
    .prefault({})
    .describe('what vcdemo reports in Slack to administrators'),
  clusters: z
    .record(hostClusterName, hostClusterConfig.partial().nullable())
    .default({})
    .transform((clusters) => Object.keys(clusters))
    .describe(
      'several host clusters, by name. Each lists the top-level keys in which it differs; such a key replaces the one at the top entirely. Demos are created on the first cluster unless `--on` names another. `ttl`, `limits`, `access` and `slack` are the same for all',
    ),
});

/** What applies to all host clusters: all that the bot knows of the file. */
export type SharedConfig = z.output<typeof sharedConfig>;

/** The whole file. */
export const demoConfig = hostClusterConfig.extend(sharedConfig.shape);

/** Everything about demos; docs/configuration.md explains every key. */
export type DemoConfig = z.output<typeof demoConfig> & {
  /** Which of `clusters` these settings belong to; undefined with a single host cluster. */
  hostCluster?: string;
};

import * as z from 'zod';

/*
 * How much of the host cluster a demo may use, and what it may talk to; src/k8s/isolation creates the objects.
 */

/**
 * The default has room for everything that create needs, twice over for rollouts, and for an app. With the proxies of the
 * manual guide and the istiod of the upstream profile, one virtual cluster requests 1.1 CPU and 2.9 Gi, and needs memory
 * limits of 10.9 Gi (4 Gi of them for vcluster itself), 10 pods and a claim of 5 Gi. CPU limits are left out: they would
 * need a default, and with less than a whole CPU a virtual cluster starts a third slower.
 */
const defaultQuota: Record<string, string> = {
  'requests.cpu': '4',
  'requests.memory': '10Gi',
  'limits.memory': '32Gi',
  'requests.ephemeral-storage': '10Gi',
  'limits.ephemeral-storage': '60Gi',
  'requests.storage': '20Gi',
  persistentvolumeclaims: '5',
  pods: '30',
  'count/pods': '60', // includes pods that have ended
  services: '30',
  'services.loadbalancers': '0',
  'services.nodeports': '0',
  secrets: '120', // each pod has one for its token
  configmaps: '80',
};

/** For containers that set none. Upstream's istiod requests 2 Gi and has no limit. */
const defaultLimits: Record<'default' | 'defaultRequest' | 'max', Record<string, string>> = {
  default: { memory: '2Gi', 'ephemeral-storage': '1Gi' },
  defaultRequest: { cpu: '10m', memory: '64Mi', 'ephemeral-storage': '50Mi' },
  max: {},
};

/** @see https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ */
export const quantity = z.union([
  z.string().regex(/^\d+(\.\d+)?([EPTGMk]|[EPTGMK]i|m|e\d+)?$/, 'expected a quantity such as 500m or 8Gi'),
  z.number().min(0),
]);

/** Amounts merged over the defaults; null removes one. */
const amounts = (defaults: Record<string, string>) =>
  z
    .record(z.string(), quantity.nullable())
    .transform((over) =>
      Object.fromEntries(
        Object.entries({ ...defaults, ...over }).flatMap(([name, amount]) =>
          amount === null ? [] : [[name, String(amount)]],
        ),
      ),
    );

const limitsKey = (key: keyof typeof defaultLimits, meaning: string) =>
  amounts(defaultLimits[key])
    .prefault({})
    .describe([meaning, listed(defaultLimits[key])].filter(Boolean).join('; '));

function listed(defaults: Record<string, string>): string {
  const entries = Object.entries(defaults).map(([name, amount]) => `\`${name}: ${amount}\``);
  return entries.length > 0 ? `merged over ${entries.join(', ')}` : '';
}

const off = z.literal('off');
const cidrs = z.array(z.union([z.cidrv4(), z.cidrv6()], 'expected an address block such as 10.0.0.0/8 or fd00::/8'));
const namespaceNames = z.array(
  z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'expected the name of a namespace'),
);

/** The keys under `isolation` that limit what a demo takes and reaches. */
export const tenancyKeys = {
  network: z
    .enum(['pair', 'document'])
    .default('pair')
    .describe(
      "what a demo's pods may talk to. `pair`: each other, the host's DNS and the internet; only the virtual clusters' own pods can reach the host's API server. `document`: everything, as in the manual guide. Requires a network plugin that enforces NetworkPolicies",
    ),
  ingress: z
    .strictObject({
      namespaces: namespaceNames
        .optional()
        .describe(
          "with `network: pair`: the ingress controller's namespaces, whose pods may call a demo's pods. The default depends on `exposure.kind`: `traefik` and `kube-system`, `ingress-nginx` and `kube-system`, `openshift-ingress`, or the Gateway's namespace",
        ),
      cidrs: cidrs
        .default([])
        .describe(
          "address blocks that may also call a demo's pods, such as other nodes on which an ingress controller uses the host network",
        ),
    })
    .prefault({})
    .describe('who may call a demo from outside'),
  egress: z
    .strictObject({
      cidrs: cidrs
        .default([])
        .describe(
          "with `network: pair`: private address blocks that a demo's pods may also reach, such as that of a registry or a proxy",
        ),
      except: cidrs
        .default([])
        .describe(
          "public address blocks that a demo's pods may not reach: those of nodes, pods and Services, if the host cluster uses public addresses, as is common with IPv6",
        ),
    })
    .prefault({})
    .describe('what else a demo may reach'),
  quota: z
    .union([amounts(defaultQuota), off])
    .prefault({})
    .describe(
      `the ResourceQuota of each of a demo's two namespaces, or \`off\`; \`null\` removes an entry; ${listed(defaultQuota)}`,
    ),
  limits: z
    .union([
      z.strictObject({
        default: limitsKey('default', 'limits for containers that set none'),
        defaultRequest: limitsKey('defaultRequest', 'requests for containers that set none'),
        max: limitsKey('max', 'the highest limits that a container may set'),
      }),
      off,
    ])
    .prefault({})
    .describe(
      `the LimitRange of each namespace. Keys: \`default\` (${listed(defaultLimits.default)}), \`defaultRequest\` (${listed(defaultLimits.defaultRequest)}) and \`max\`; or \`off\``,
    ),
};

/** A quota on limits keeps out every pod without limits, including the control plane's. */
export const quotaNeedsLimits = {
  holds: ({ quota, limits }: { quota: unknown; limits: unknown }) => limits !== 'off' || quota === 'off',
  problem: { path: ['limits'], message: 'may be off only if `quota` is off: pods without limits would be refused' },
};

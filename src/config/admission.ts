import * as z from 'zod';

/*
 * How strict the admission policy on demos is; src/k8s/isolation/admission-rules.ts has its rules.
 */

export const admissionRuleIds = [
  'host-namespaces',
  'privileged',
  'capabilities',
  'volumes',
  'host-ports',
  'probe-hosts',
  'seccomp',
  'apparmor',
  'selinux',
  'proc-mount',
  'sysctls',
  'windows',
  'node-name',
  'tolerations',
  'priority',
  'runtime-class',
  'resources',
  'affinity',
  'pod-fields',
  'grace-period',
  'service-type',
  'external-ips',
  'service-fields',
  'endpoints',
  'volume-name',
  'data-source',
  'claim-fields',
  'storage-class',
  'secret-types',
  'route-accounts',
  'host-names',
  'kinds',
  'pod-status',
  'service-accounts',
  'helm-releases',
  'annotations',
  'reserved-labels',
] as const;
export type AdmissionRuleId = (typeof admissionRuleIds)[number];

const names = (meaning: string) => z.array(z.string()).default([]).describe(meaning);

/** The keys under `isolation` that say what demos may create in the host cluster. */
export const admissionKeys = {
  required: z
    .boolean()
    .default(true)
    .describe(
      "refuse to create a demo if the host cluster does not enforce vcdemo's admission policy as configured. With `false`, the demo is created, and its message says what is not enforced",
    ),
  admission: z
    .enum(['strict', 'off'])
    .default('strict')
    .describe(
      'the admission policy for everything that is created in the namespaces of demos ([security.md](security.md#admission)), or `off`',
    ),
  allow: z
    .array(z.enum(admissionRuleIds))
    .default([])
    .describe('rules to leave out of the policy, by the name at the end of their message, such as `service-type`'),
  also: z
    .strictObject({
      proxyImages: names(
        'images whose containers may have NET_ADMIN and NET_RAW, besides `<istio.hub>/proxyv2:<istio.tag>` (with its digest, if `istio.digests` has one), such as the previous version during an upgrade of Istio',
      ),
      storageClasses: names("StorageClasses that demos may use; if empty, the host cluster's default class"),
      priorityClasses: names(
        'PriorityClasses that demos may use; list the default PriorityClass if the host cluster has one',
      ),
      runtimeClasses: names('RuntimeClasses that demos may use'),
      resources: names(
        'resources that containers may ask for besides cpu, memory and ephemeral-storage, such as `nvidia.com/gpu`; the quota does not limit them unless `isolation.quota` lists them',
      ),
      csiDrivers: names('CSI drivers that demos may use for inline volumes'),
      tolerations: names('keys of taints that demos may tolerate, besides `node.kubernetes.io/…`'),
      kinds: names(
        'additional kinds that a virtual cluster may write in the host cluster, such as `networking.k8s.io/ingresses`, if `vcluster.values` make it sync them',
      ),
    })
    .prefault({})
    .describe('what the policy also admits'),
};

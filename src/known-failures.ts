import { clip } from './redact.js';

/*
 * Failures that clusters and tools report, and what people can do about them. The first entry whose patterns all match
 * counts, so special cases come before general ones. No pattern may scan far beyond its start, because a text may be long.
 * The texts come from Kubernetes, the kubelet, vcluster, helm and istioctl; test/unit/known-failures.test.ts has a real one
 * for each.
 */
type KnownFailure = readonly [patterns: RegExp | readonly RegExp[], advice: string];

/** The settings for the sizes of a demo's containers. */
const sizes =
  '`vcluster.values`, `istio.operator` (`values.global.proxy.resources`), `helloworld.resources` and `sleep.resources`';

const pulling = /ErrImage|ImagePull|pull(ing)? image|pull access/i;
const images: readonly KnownFailure[] = [
  [
    /toomanyrequests|pull rate limit/i,
    'The registry limits how often images can be pulled without logging in. Set `images.pullSecrets`, or use a mirror (`images`, `istio.hub`, `vcluster.values`). Otherwise wait: the limit is lifted after some hours.',
  ],
  [
    /no match for platform|no matching manifest for|no image found in .{0,40} for architecture|exec format error/,
    "The image does not match the node's architecture (amd64 or arm64): use a multi-architecture image, or keep the pods on matching nodes with a node selector.",
  ],
  [
    [pulling, /x509: |server gave HTTP response to HTTPS client/i],
    "The node does not trust the registry's certificate: install the registry's CA on the nodes, or use another registry.",
  ],
  [
    [
      pulling,
      /insufficient_scope|pull access denied|no basic auth credentials|unauthorized|authorization failed|40[13] (Unauthorized|Forbidden)|denied: /i,
    ],
    "The registry denies access to the image: check the image's name, and set `images.pullSecrets` to a Secret with credentials that can read it.",
  ],
  [
    [
      pulling,
      /no such host|server misbehaving|name resolution|proxyconnect|i\/o timeout|connection refused|connection reset|TLS handshake timeout|network is unreachable|no route to host|deadline exceeded/i,
    ],
    "The node cannot reach the registry: check the nodes' DNS, proxy and firewall, or use a mirror (`images`, `istio.hub`, `vcluster.values`).",
  ],
  [
    [pulling, /not found|manifest unknown|name unknown|does not exist/i],
    'The image does not exist: check its name and tag in the configuration.',
  ],
  [/InvalidImageName|couldn't parse image/, "The image's name is not valid: correct it in the configuration."],
  [
    /ErrImageNeverPull/,
    'The pull policy is Never, so the image must already be on the node: load it there, or change the policy.',
  ],
  [/no space left on device/, "A node's disk is full: remove unused images or files from it, or add a node."],
  [
    /ImagePullBackOff|ErrImagePull|RegistryUnavailable|ImageInspectError/,
    'The image cannot be pulled: check its name in the configuration, the registry, and `images.pullSecrets`.',
  ],
];

const containers: readonly KnownFailure[] = [
  [
    /OOMKilled/,
    `The container needs more memory than its limit: raise the limit. Sizes are set in ${sizes}, or by a LimitRange of the namespace.`,
  ],
  [
    [/CreateContainerConfigError/, /runAsNonRoot|non-numeric user/],
    'The pod must not run as root, but the image does: use an image with a numeric non-root user.',
  ],
  [
    [/CreateContainerConfigError/, /not found|couldn't find key/],
    'The container refers to a Secret, ConfigMap or key that does not exist, named above. `create` restores its own objects; those that the configuration refers to must be created by hand.',
  ],
  [
    /CreateContainerConfigError/,
    "The container's configuration is not valid, for the reason above. Correct it in the configuration.",
  ],
  [
    /executable file not found|no such file or directory: unknown/,
    "The image does not contain the container's command: check the image in the configuration.",
  ],
  [
    /CreateContainerError|RunContainerError|StartError|ContainerCannotRun/,
    "The container runtime cannot start the container, for the reason above. The log of the node's container runtime may say more.",
  ],
  [
    /Evicted|low on resource|exceeds the total limit of containers/,
    'The node ran short of memory or disk and evicted the pod: free some there, add a node, or raise the requests so that the pod gets a node with enough room.',
  ],
  [
    /CrashLoopBackOff|container \S+ has terminated/,
    "The container keeps crashing: its log says why (`kubectl logs --previous` in the pod's namespace).",
  ],
];

const limits: readonly KnownFailure[] = [
  [
    /must specify (limits|requests)\./,
    'A ResourceQuota requires every container to set its requests and limits: add a LimitRange with defaults to the namespace, or set them in the configuration.',
  ],
  [
    /exceeded quota/,
    `A ResourceQuota of the namespace is used up: raise \`isolation.quota\` (if the quota is not vcdemo's own, ask its owner), or lower what a demo requests (${sizes}).`,
  ],
  [
    /(maximum|minimum) \S+ usage per \w+ is |max limit to request ratio per /,
    `A LimitRange of the namespace does not allow this size: change \`isolation.limits\` (if the LimitRange is not vcdemo's own, ask its owner), or set another size in ${sizes}.`,
  ],
  [
    /is invalid: [^\n]{0,200}\bresources\.(requests|limits)|quantities must match the regular expression/,
    `Kubernetes does not accept the sizes of a container: correct them in ${sizes}. A limit that is not set there comes from \`isolation.limits\` or another LimitRange of the namespace.`,
  ],
];

const admission: readonly KnownFailure[] = [
  [
    /security context constraint/,
    "OpenShift's security context constraints refuse the pod: allow the service accounts of the namespace one with NET_ADMIN, NET_RAW and user 0, for example with `oc adm policy add-scc-to-group privileged system:serviceaccounts:NAMESPACE`; with Istio CNI on the host, no pod needs it (`istio.operator`: `values.pilot.cni.enabled: true`).",
  ],
  [
    /failed calling webhook "[\w.-]*istio/,
    "istiod's webhook for new pods does not answer: istiod is not ready, or the API server of the virtual cluster cannot reach it. Check istiod in istio-system of that virtual cluster.",
  ],
  [
    /failed calling webhook/,
    'The admission webhook named above does not answer. Check its pods and its certificate; until it answers, nothing can be created.',
  ],
  [
    /webhook "[^"]*kyverno/,
    'The Kyverno policy and rule named above refuse the pod. Have the namespace or the image exempted (PolicyException), or change the configuration to meet the policy.',
  ],
  [
    /webhook "[^"]*gatekeeper/,
    'The Gatekeeper constraint in brackets refuses the pod. Have the namespace or the image exempted, or change the configuration to meet the constraint.',
  ],
  [
    /PodSecurity/,
    'Pod Security refuses the pod: set namespace.labels to `pod-security.kubernetes.io/enforce: privileged`, or, with Istio CNI on the host, `istio.operator` to `values.pilot.cni.enabled: true`.',
  ],
  [
    /ValidatingAdmissionPolicy/,
    'The ValidatingAdmissionPolicy named above refuses it, for the reason given there. Change the configuration, or have the namespace exempted.',
  ],
  [
    /admission webhook "[^"]*" denied/,
    'A policy of the cluster refuses it, through the webhook and for the reason named above. Change the configuration, or have the namespace exempted.',
  ],
  [
    /because it is being terminated/,
    'The namespace is being deleted: wait until it is gone, then run the command again.',
  ],
];

const volumes: readonly KnownFailure[] = [
  [
    /database or disk is full/,
    "The volume with the virtual cluster's database is full: delete what is not needed in the virtual cluster, or enlarge the volume. For new demos, set its size in `vcluster.values` (`controlPlane.statefulSet.persistence.volumeClaim.size`).",
  ],
  [
    /no storage class is set/,
    'The host cluster has no default StorageClass: mark one as the default, set one in `vcluster.values` (`controlPlane.statefulSet.persistence.volumeClaim.storageClass`), or disable the volume (`…volumeClaim.enabled: false`).',
  ],
  [
    [/storageclass/i, /not found/],
    'The StorageClass does not exist in the host cluster: choose one from `kubectl get storageclass` and correct `vcluster.values`.',
  ],
  [
    /Waiting for a volume to be created/i,
    "The StorageClass's provisioner has not created the volume: check the provisioner's pods in the host cluster.",
  ],
  [
    /failed to provision volume|ProvisioningFailed/,
    "The StorageClass's provisioner failed for the reason above, for example a storage quota or missing permissions.",
  ],
  [
    /volume node affinity conflict/,
    "The pod's volume is in a different zone from the nodes that have room for the pod: add a node in that zone, or use a StorageClass that waits for the pod (`volumeBindingMode: WaitForFirstConsumer`).",
  ],
  [/max volume count/, 'The nodes cannot attach any more volumes: add a node, or delete a demo that is not needed.'],
  [
    /Multi-Attach error/,
    'The volume is still attached to another node. It is detached within minutes once the earlier pod is gone; if that node is down for good, remove it from the cluster.',
  ],
  [
    /FailedAttachVolume|FailedMount|FailedMapVolume/,
    "A volume cannot be attached or mounted, for the reason above. Check that the Secrets and ConfigMaps named there exist; for disks, check the storage driver's pods.",
  ],
  [
    /persistentvolume/i,
    "The pod's volume is not ready: `kubectl describe pvc` in the pod's namespace says what it waits for.",
  ],
];

const unscheduled = /cannot be scheduled/;
const scheduling: readonly KnownFailure[] = [
  [
    [unscheduled, /Insufficient |Too many pods/],
    `The host cluster is full: delete a demo that is not needed (\`/vcdemo list\`), add a node, or lower the requests in the configuration (${sizes}).`,
  ],
  [
    [
      unscheduled,
      /no nodes available|0\/0 nodes|node\(s\) were unschedulable|node\.kubernetes\.io\/(not-ready|unreachable|unschedulable|disk-pressure|memory-pressure|pid-pressure|network-unavailable)|node\.cloudprovider\.kubernetes\.io/,
    ],
    'No node is ready for pods: they are starting, cordoned, unreachable, or short of disk or memory (`kubectl get nodes`).',
  ],
  [
    [unscheduled, /untolerated taint/],
    'The nodes have taints that the pods do not tolerate: remove the taints from a node, or add tolerations in `vcluster.values` (`controlPlane.statefulSet.scheduling.tolerations`, and `sync.toHost.pods.enforceTolerations` for what runs inside; for vc-client, a namespace default).',
  ],
  [
    [unscheduled, /node affinity\/selector/],
    'No node has the labels that the pod asks for: correct the node selector or affinity in the configuration, or label a node.',
  ],
  [
    [unscheduled, /affinity rules|topology spread/],
    'No node satisfies the affinity or topology spread rules of the pods: add a node, or change these rules in the configuration.',
  ],
  [
    [unscheduled, /free ports/],
    'The pod requests a host port that is already in use: remove the hostPort from the configuration.',
  ],
  [
    [unscheduled, /scheduling gates/],
    'Something in the host cluster, such as a Kueue queue, holds the pod back with a scheduling gate: ask its administrators what removes the gate.',
  ],
  [
    unscheduled,
    'No node of the host cluster can run the pod, for the reasons above. Change the nodes, or what the configuration requests.',
  ],
];

const nodes: readonly KnownFailure[] = [
  [
    /FailedCreatePodSandBox|NetworkNotReady/,
    "The node's network plugin does not assign the pod an address, for the reason above. Check the plugin's pods on that node, and whether its address range is used up.",
  ],
  [
    /has not confirmed its end/,
    'The node is down or unreachable (`kubectl get nodes`): start it again or, if it is down for good, remove it with `kubectl delete node`; Kubernetes then removes its pods and starts them elsewhere.',
  ],
  [
    /NodeNotReady|Node is not ready/,
    "The pod's node is down or unreachable (`kubectl get nodes`): Kubernetes starts the pod elsewhere after some minutes, if it can.",
  ],
  [
    /Could not resolve host|\(6\) Could not resolve/,
    "DNS inside the virtual cluster does not answer: check CoreDNS in its kube-system, and whether NetworkPolicies in the host cluster block the demo's pods from DNS.",
  ],
  [
    /database space exceeded/,
    "The cluster's etcd is full and accepts no writes: its administrators must compact and defragment it.",
  ],
];

const deletion: readonly KnownFailure[] = [
  [
    /Discovery failed for some groups/,
    'An API without a server blocks the deletion of namespaces: `kubectl get apiservices` shows it as not available. Restore the server or delete that APIService; Kubernetes then continues by itself.',
  ],
  [
    /finalizers remaining|has finalizers/,
    'The finalizers named above block the deletion of what is left in the namespace. Restore the controller that removes them, or remove them by hand; Kubernetes then continues by itself.',
  ],
  [
    /still left: [^\n]{0,2000}PersistentVolume /,
    'The storage driver has not deleted the volume yet, which can take minutes: `kubectl describe persistentvolume` says why it fails. When the volume is gone, run the command again.',
  ],
];

const mesh: readonly KnownFailure[] = [
  [
    /only v[12] of helloworld answers/,
    "The mesh does not span both clusters: istiod in vc1 cannot reach vc2's API. Check the NetworkPolicies between the demo's two namespaces; `istioctl remote-clusters` in vc1 must show synced.",
  ],
];

/** For the disk, the temporary files and the open files of the worker itself, as opposed to those of a node. */
export const workerRoomAdvice =
  'The worker cannot write its temporary files, or has too many files open: free space in its /tmp, raise its limits, or restart it. Then run the command again: what is already done is kept.';

const worker: readonly KnownFailure[] = [[/\b(ENOSPC|EDQUOT|EROFS|EMFILE|ENFILE)\b/, workerRoomAdvice]];

/** What an API says to the worker. */
const access: readonly KnownFailure[] = [
  [
    [/a web page came back instead of an answer from Kubernetes/, /Request Entity Too Large|: 413\)/i],
    'A proxy in front of the API limits the size of requests: raise that limit (for ingress-nginx: `proxy-body-size`), or give the worker an address of the API without the proxy.',
  ],
  [
    /\bhost: [^\n]{0,300}: 407\)/,
    "The proxy in front of the API asks for a user and a password: put them into proxy-url in the worker's kubeconfig, or into its HTTPS_PROXY, or name the API in NO_PROXY.",
  ],
  [
    /came back instead of an answer from Kubernetes|the answer is (not JSON|empty)/,
    "Something in front of the API, such as a proxy, a load balancer or a login page, answers in its place: check the server in the worker's kubeconfig, and its HTTPS_PROXY and NO_PROXY.",
  ],
  [
    /\bhost: [^\n]{0,300}: 429\)/,
    'The API of the host cluster has too many requests: try again in a minute. If the problem persists, its administrators should look at what sends them (API Priority and Fairness).',
  ],
  [
    /\bhost: [^\n]{0,300}: 401\)/,
    "The host cluster does not accept the worker's credentials any more: they have expired or were revoked. Renew them (KUBECONFIG, or the pod's service account), then run the command again.",
  ],
];

const permissions: readonly KnownFailure[] = [
  [
    /User "[^"]{0,300}" cannot \w+ resource "/,
    "The worker's account does not have this permission, or has lost it: grant it (upgrade vcdemo's Helm chart, or apply the rules in helm/vcdemo/files/worker-rules.yaml), then run the command again.",
  ],
];

const tools: readonly KnownFailure[] = [
  [
    /not currently held|attempting to grant RBAC permissions/i,
    "The worker cannot grant permissions that it does not have: give its role the rules that the vcluster chart grants (rbac.extraDemoRules in vcdemo's Helm chart).",
  ],
  [
    [/clusterroles/, /is forbidden/],
    "vcluster.values make the chart create a ClusterRole, which the worker is not allowed to do: remove that setting, or grant the worker the permission (rbac.extraClusterRules in vcdemo's Helm chart).",
  ],
  [
    /specifications of the schema|Additional property \S+ is not allowed/,
    "The chart does not accept the values: check that `vcluster.version` is the chart's version, and compare `vcluster.values` with the documentation of that version.",
  ],
  [
    /incompatible with Kubernetes/,
    "The chart does not support the host cluster's Kubernetes version: choose another `vcluster.version`.",
  ],
  [
    /invalid ownership metadata|cannot be imported into the current release/,
    "The object named above has the name of one of the chart's objects but was not created by helm. Remove it, then run the command again.",
  ],
  [
    /x509: /,
    "The worker does not trust the certificate of the chart repository or of the cluster: give it that server's CA.",
  ],
  [
    /getting credentials: exec/,
    "The kubeconfig's credential plugin failed to log in: give the worker credentials that need no login by a person, such as a service account of the host cluster.",
  ],
  [
    /401 Unauthorized|403 Forbidden|failed to authorize/,
    'The chart repository rejected the credentials: put the right ones into the URL in vcluster.repository (helm gets them in a file), or set HELM_REPOSITORY_CONFIG or HELM_REGISTRY_CONFIG for the worker.',
  ],
  [
    /no such host|connection refused|i\/o timeout/i,
    'The worker cannot reach the chart repository or the cluster: check its network and proxy settings.',
  ],
  [
    /unknown field|could not unmarshal/i,
    'Check istio.operator in the configuration: this istioctl does not know one of its fields.',
  ],
  [
    /no chart (name|version) found|not a valid chart|ghcr\.io\S{0,100}: not found/i,
    'Check vcluster.chart, vcluster.repository and vcluster.version in the configuration.',
  ],
];

const knownFailures: readonly KnownFailure[] = [
  ...worker,
  ...access,
  ...deletion,
  ...limits,
  ...admission,
  ...images,
  ...containers,
  ...volumes,
  ...scheduling,
  ...nodes,
  ...mesh,
  ...tools,
  ...permissions,
];

/** What to do about a known failure; undefined for an unknown one. */
export function adviceFor(reason: string): string | undefined {
  const text = clip(reason, longestReason);
  return knownFailures.find(([patterns]) => [patterns].flat().every((pattern) => pattern.test(text)))?.[1];
}

/** Kubernetes' own texts are at most 1 KB long; those of a tenant may be longer. */
const longestReason = 16_000;

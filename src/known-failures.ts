import { clip } from './redact.js';

/*
 * Reasons that clusters and tools give, and what people can do about them. The first whose patterns all match counts, so
 * what is special stands above what is general. No pattern looks far behind its beginning: a text may be long. Texts come from Kubernetes, the kubelet, vcluster, helm and istioctl;
 * test/unit/known-failures.test.ts has a real one for each.
 */
type KnownFailure = readonly [patterns: RegExp | readonly RegExp[], advice: string];

/** Where the sizes of what a demo runs are set. */
const sizes =
  '`vcluster.values`, `istio.operator` (`values.global.proxy.resources`), `helloworld.resources` and `sleep.resources`';

const pulling = /ErrImage|ImagePull|pull(ing)? image|pull access/i;
const images: readonly KnownFailure[] = [
  [
    /toomanyrequests|pull rate limit/i,
    'The registry limits how often images are pulled without signing in. Set `images.pullSecrets`, or take the images from a mirror (`images`, `istio.hub`, `vcluster.values`); by itself the limit ends after some hours.',
  ],
  [
    /no match for platform|exec format error/,
    "The image is built for another processor than the node's (amd64 or arm64): use an image for both, or keep the pods on nodes of the right kind with a node selector.",
  ],
  [
    [pulling, /x509: |server gave HTTP response to HTTPS client/i],
    "The node does not trust the registry's certificate: install the registry's CA on the nodes, or take the image from another registry.",
  ],
  [
    [
      pulling,
      /insufficient_scope|pull access denied|no basic auth credentials|unauthorized|authorization failed|40[13] (Unauthorized|Forbidden)|denied: /i,
    ],
    "The registry does not give the image away: check the image's name, and set `images.pullSecrets` to a Secret with credentials that may read it.",
  ],
  [
    [
      pulling,
      /no such host|i\/o timeout|connection refused|connection reset|TLS handshake timeout|network is unreachable|no route to host|deadline exceeded/i,
    ],
    "The node cannot reach the registry: check the nodes' DNS, proxy and firewall, or take the images from a mirror (`images`, `istio.hub`, `vcluster.values`).",
  ],
  [
    [pulling, /not found|manifest unknown|name unknown|does not exist/i],
    'There is no such image: check its name and tag in the configuration.',
  ],
  [/InvalidImageName|couldn't parse image/, "The image's name is not valid: correct it in the configuration."],
  [
    /ErrImageNeverPull/,
    'The image must be on the node already, as its pull policy is Never: load it there, or change the policy.',
  ],
  [/no space left on device/, "A node's disk is full: remove unused images or files there, or add a node."],
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
    'The pod must not run as root, and the image does: use an image with a numeric user of its own.',
  ],
  [
    [/CreateContainerConfigError/, /not found|couldn't find key/],
    'The container refers to a Secret, ConfigMap or key that does not exist; the text above names it. `create` makes what is its own anew; what the configuration refers to must be created.',
  ],
  [
    /CreateContainerConfigError/,
    "The container's configuration cannot be used; the text above says what is wrong with it. Correct it in the configuration.",
  ],
  [
    /executable file not found|no such file or directory: unknown/,
    'The image does not contain the command that it is started with: check the image in the configuration.',
  ],
  [
    /CreateContainerError|RunContainerError|StartError|ContainerCannotRun/,
    "The container runtime cannot start the container; the text above has its reason. The node's administrators can see more in the log of its container runtime.",
  ],
  [
    /Evicted|low on resource|exceeds the total limit of containers/,
    'The node ran short of memory or disk and ended the pod: free some there, add a node, or raise the requests so that the pod gets a node with enough room.',
  ],
  [
    /CrashLoopBackOff|container \S+ has ended/,
    "The container ends again and again: its log says why (`kubectl logs --previous` in the pod's namespace).",
  ],
];

const limits: readonly KnownFailure[] = [
  [
    /must specify (limits|requests)\./,
    'A ResourceQuota wants every container to state its requests and limits: add a LimitRange with defaults to the namespace, or state them in the configuration.',
  ],
  [
    /exceeded quota/,
    `A ResourceQuota of the namespace is used up: raise \`isolation.quota\` (another's quota must be raised by its owner), or lower what a demo asks for (${sizes}).`,
  ],
  [
    /(maximum|minimum) \S+ usage per \w+ is |max limit to request ratio per /,
    `A LimitRange of the namespace does not allow this size: change \`isolation.limits\` (another's must be changed by its owner), or set another size in ${sizes}.`,
  ],
];

const admission: readonly KnownFailure[] = [
  [
    /security context constraint/,
    "OpenShift's security context constraints refuse the pod: have the service accounts of the namespace allowed one with NET_ADMIN, NET_RAW and user 0, such as `oc adm policy add-scc-to-group privileged system:serviceaccounts:NAMESPACE`; with Istio CNI on the host no pod needs them (`istio.operator`: `values.pilot.cni.enabled: true`).",
  ],
  [
    /PodSecurity/,
    'Pod Security refuses the pod: set namespace.labels to `pod-security.kubernetes.io/enforce: privileged`, or, with Istio CNI on the host, `istio.operator` to `values.pilot.cni.enabled: true`.',
  ],
  [
    /failed calling webhook "[\w.-]*istio/,
    'istiod is asked about new pods and does not answer: it is not ready, or the API server of the virtual cluster does not reach it. Look at istiod in istio-system of that virtual cluster.',
  ],
  [
    /failed calling webhook/,
    'An admission webhook is asked and does not answer; the text above names it. Its own pods or its certificate need attention; until then nothing can be created.',
  ],
  [
    /kyverno/i,
    'A Kyverno policy refuses the pod; the text above names it and its rule. Have the namespace or the image excepted (PolicyException), or change the configuration to what the policy wants.',
  ],
  [
    /gatekeeper/i,
    'A Gatekeeper constraint refuses the pod; the brackets name it. Have the namespace or the image exempted, or change the configuration to what the constraint wants.',
  ],
  [
    /ValidatingAdmissionPolicy/,
    'A ValidatingAdmissionPolicy refuses it; the text above names the policy and says what it wants. Change the configuration, or have the namespace excepted.',
  ],
  [
    /admission webhook "[^"]*" denied/,
    'A policy of the cluster refuses it; the text above names the webhook and says what it wants. Change the configuration, or have the namespace excepted.',
  ],
  [
    /because it is being terminated/,
    'The namespace is being deleted: wait until it is gone, then run the command again.',
  ],
];

const volumes: readonly KnownFailure[] = [
  [
    /no storage class is set/,
    'The host cluster has no default StorageClass: mark one as the default, name one in `vcluster.values` (`controlPlane.statefulSet.persistence.volumeClaim.storageClass`), or do without a volume (`…volumeClaim.enabled: false`).',
  ],
  [
    [/storageclass/i, /not found/],
    'The StorageClass does not exist in the host cluster: `kubectl get storageclass` lists those that do; correct `vcluster.values`.',
  ],
  [
    /Waiting for a volume to be created/i,
    "The StorageClass's provisioner does not create the volume: look at the provisioner's pods in the host cluster.",
  ],
  [
    /failed to provision volume|ProvisioningFailed/,
    "The StorageClass's provisioner fails; the text above has its reason, such as a quota of the storage or missing rights.",
  ],
  [
    /volume node affinity conflict/,
    "The pod's volume is in another zone than the nodes with room for it: add a node in that zone, or use a StorageClass that waits for the pod (`volumeBindingMode: WaitForFirstConsumer`).",
  ],
  [
    /max volume count/,
    'The nodes have as many volumes attached as they can take: add a node, or delete a demo that is not needed.',
  ],
  [
    /Multi-Attach error/,
    'The volume is still attached to another node: that ends by itself within minutes once the earlier pod is gone; a node that is down for good must be removed from the cluster.',
  ],
  [
    /FailedAttachVolume|FailedMount|FailedMapVolume/,
    "A volume cannot be attached or mounted; the text above has the reason. Secrets and ConfigMaps of that name must exist; for disks, look at the storage driver's pods.",
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
    'The nodes are not ready to take pods: they are starting, cordoned, out of reach or short of disk or memory (`kubectl get nodes`).',
  ],
  [
    [unscheduled, /untolerated taint/],
    'The nodes have taints that the pods do not tolerate: free a node of them, or add tolerations in `vcluster.values` (`controlPlane.statefulSet.scheduling.tolerations`, and `sync.toHost.pods.enforceTolerations` for what runs inside; for vc-client, a namespace default).',
  ],
  [
    [unscheduled, /node affinity\/selector/],
    'No node has the labels that the pod asks for: correct the node selector or affinity in the configuration, or label a node.',
  ],
  [
    [unscheduled, /affinity rules|topology spread/],
    'The rules on which pods may share a node leave no node over: add a node, or change the affinity or topology spread constraints in the configuration.',
  ],
  [
    [unscheduled, /free ports/],
    'The pod asks for a port of the node itself that is taken: remove the hostPort from the configuration.',
  ],
  [
    [unscheduled, /scheduling gates/],
    'Something in the host cluster holds the pod back with a scheduling gate: ask its administrators what opens it, such as a queue of Kueue.',
  ],
  [
    unscheduled,
    'No node of the host cluster takes the pod; the text above has the reason of each. Change the nodes, or what the configuration asks for.',
  ],
];

const nodes: readonly KnownFailure[] = [
  [
    /FailedCreatePodSandBox|NetworkNotReady/,
    "The node's network plugin gives the pod no address; the text above has its reason. Look at the plugin's pods on that node, and whether its address range is used up.",
  ],
  [
    /NodeNotReady|Node is not ready/,
    'The node under the pod is down or out of reach (`kubectl get nodes`): Kubernetes starts the pod elsewhere after some minutes, if it can.',
  ],
  [
    /Could not resolve host|\(6\) Could not resolve/,
    "DNS inside the virtual cluster does not answer: look at CoreDNS in its kube-system, and at NetworkPolicies in the host cluster that keep the demo's pods from DNS.",
  ],
  [
    /database space exceeded/,
    "The cluster's etcd is full and takes no writes: its administrators must compact and defragment it.",
  ],
];

const deletion: readonly KnownFailure[] = [
  [
    /Discovery failed for some groups/,
    'An API whose server is gone keeps namespaces from going: `kubectl get apiservices` shows it as not available. Bring the server back or delete that APIService; Kubernetes then goes on by itself.',
  ],
  [
    /finalizers remaining|has finalizers/,
    'Finalizers keep what is left in the namespace: the text above names them. Bring the controller back that removes them, or remove them by hand; Kubernetes then goes on by itself.',
  ],
];

const mesh: readonly KnownFailure[] = [
  [
    /only v[12] of helloworld answers/,
    "The mesh does not span both clusters: istiod of vc1 does not reach vc2's API. Look at NetworkPolicies between the demo's two namespaces; `istioctl remote-clusters` in vc1 must say synced.",
  ],
];

const tools: readonly KnownFailure[] = [
  [
    /not currently held|attempting to grant RBAC permissions/i,
    "The worker may not grant what the vcluster chart grants: give its role the same rules (the Helm chart's rbac.extraDemoRules).",
  ],
  [
    [/clusterroles/, /is forbidden/],
    "vcluster.values make the chart create a ClusterRole, which the worker may not: leave that out, or give the worker these rights (the Helm chart's rbac.extraClusterRules).",
  ],
  [
    /specifications of the schema|Additional property \S+ is not allowed/,
    "The values do not fit the chart: check that `vcluster.version` is the chart's version, and `vcluster.values` against the chart's documentation of that version.",
  ],
  [
    /incompatible with Kubernetes/,
    "The chart does not support the host cluster's version of Kubernetes: choose another `vcluster.version`.",
  ],
  [
    /invalid ownership metadata|cannot be imported into the current release/,
    "Something that helm did not make has the name of one of the chart's objects; the text above names it. Remove it, then create again.",
  ],
  [
    /x509: /,
    "The certificate of the chart repository or of the cluster is not trusted here: give the worker that server's CA.",
  ],
  [
    /getting credentials: exec/,
    'The credential plugin of the kubeconfig does not sign in: give the worker credentials that need no person, such as a service account of the host cluster.',
  ],
  [
    /401 Unauthorized|403 Forbidden|failed to authorize/,
    'The chart repository wants other credentials: write them into the address in vcluster.repository (helm gets them in a file), or set HELM_REPOSITORY_CONFIG or HELM_REGISTRY_CONFIG for the worker.',
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
  ...limits,
  ...admission,
  ...images,
  ...containers,
  ...volumes,
  ...scheduling,
  ...nodes,
  ...deletion,
  ...mesh,
  ...tools,
];

/** What to do about a failure that is known. */
export function adviceFor(reason: string): string | undefined {
  const text = clip(reason, longestReason);
  return knownFailures.find(([patterns]) => [patterns].flat().every((pattern) => pattern.test(text)))?.[1];
}

/** Kubernetes' own texts end at 1 KB; what a tenant writes may not. */
const longestReason = 16_000;

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adviceFor } from '../../src/known-failures.js';

/* The texts are real output of Kubernetes 1.24 to 1.33, its kubelet, containerd, vcluster, helm and policy engines. */

const unscheduled = (nodes: string) =>
  `pod vc1-0 cannot be scheduled: 0/3 nodes are available: ${nodes} preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.`;
const unbound =
  'pod vc1-0 cannot be scheduled: 0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.';
const backOff = (reason: string) =>
  `pod helloworld-v1-7d9c: container helloworld is waiting: ImagePullBackOff, Back-off pulling image "docker.io/x/y:1": ErrImagePull: ${reason}`;
const pull = (reason: string) =>
  backOff(`rpc error: code = Unknown desc = failed to pull and unpack image "docker.io/x/y:1": ${reason}`);
const refused = (reason: string) =>
  `the host cluster refuses pod sleep-6d8: pods "sleep-6d8-x-sample-x-vc1" is forbidden: ${reason}`;

/** The text, the situation, and what the advice must say. */
const failures: readonly [situation: string, reason: string, advice: RegExp][] = [
  // scheduling
  ['a full cluster', unscheduled('1 Insufficient cpu, 2 Insufficient memory.'), /The host cluster is full/],
  ['nodes with all the pods they may have', unscheduled('3 Too many pods.'), /The host cluster is full/],
  [
    'a full worker beside a tainted control plane',
    unscheduled('1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 Insufficient memory.'),
    /The host cluster is full/,
  ],
  ['taints', unscheduled('3 node(s) had untolerated taint {dedicated: gpu}.'), /taints that the pods do not tolerate/],
  [
    'taints, in the words of 1.34',
    unscheduled('3 node(s) had untolerated taint(s).'),
    /taints that the pods do not tolerate/,
  ],
  [
    'nodes that are not ready',
    unscheduled('3 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.'),
    /No node is ready/,
  ],
  ['cordoned nodes', unscheduled('3 node(s) were unschedulable.'), /cordoned/],
  ['a cluster without nodes', 'pod vc1-0 cannot be scheduled: no nodes available to schedule pods', /No node is ready/],
  [
    'a node selector',
    unscheduled("3 node(s) didn't match Pod's node affinity/selector."),
    /No node has the labels that the pod asks for/,
  ],
  [
    'anti-affinity',
    unscheduled("3 node(s) didn't match pod anti-affinity rules."),
    /affinity or topology spread rules/,
  ],
  [
    'topology spread',
    unscheduled("3 node(s) didn't match pod topology spread constraints."),
    /change these rules in the configuration/,
  ],
  ['host ports', unscheduled("3 node(s) didn't have free ports for the requested pod ports."), /hostPort/],
  [
    'scheduling gates',
    'pod vc1-0 cannot be scheduled: Scheduling is blocked due to non-empty scheduling gates',
    /scheduling gate/,
  ],

  // volumes
  [
    'no default StorageClass',
    `${unbound}; PersistentVolumeClaim data-vc1-0: no persistent volumes available for this claim and no storage class is set`,
    /no default StorageClass/,
  ],
  [
    'a StorageClass that does not exist',
    `${unbound}; PersistentVolumeClaim data-vc1-0: storageclass.storage.k8s.io "fast" not found`,
    /StorageClass does not exist/,
  ],
  [
    'a provisioner that does not answer',
    `${unbound}; PersistentVolumeClaim data-vc1-0: Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`,
    /provisioner's pods/,
  ],
  [
    'a provisioner that fails',
    `${unbound}; PersistentVolumeClaim data-vc1-0: failed to provision volume with StorageClass "gp3": rpc error: code = ResourceExhausted desc = quota exceeded`,
    /provisioner failed/,
  ],
  ['a claim that waits', unbound, /volume is not ready: `kubectl describe pvc`/],
  ['a volume in another zone', unscheduled('3 node(s) had volume node affinity conflict.'), /different zone/],
  ['nodes full of volumes', unscheduled('3 node(s) exceed max volume count.'), /cannot attach any more volumes/],
  [
    'a volume that is attached elsewhere',
    'pod vc1-0 is waiting: FailedAttachVolume: Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node and can\'t be attached to another',
    /still attached to another node/,
  ],
  [
    'a Secret that is not there to be mounted',
    'pod vc-client-0 is waiting: FailedMount: MountVolume.SetUp failed for volume "kubeconfig" : secret "vcdemo-kubeconfig" not found',
    /cannot be attached or mounted/,
  ],

  // images
  [
    "Docker Hub's limit",
    pull(
      'failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/x/y/manifests/sha256:1: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit',
    ),
    /limits how often images can be pulled.*images\.pullSecrets/,
  ],
  [
    "Docker Hub's limit, in its newer words",
    pull(
      'toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit',
    ),
    /limits how often images can be pulled/,
  ],
  [
    'an image that is private or misspelt',
    pull(
      'failed to resolve reference "docker.io/x/y:1": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
    ),
    /images\.pullSecrets/,
  ],
  [
    'wrong credentials',
    pull(
      'failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token: 401 Unauthorized',
    ),
    /credentials that can read it/,
  ],
  ['a private registry of Amazon', backOff('no basic auth credentials'), /images\.pullSecrets/],
  [
    'a tag that does not exist',
    pull('failed to resolve reference "docker.io/x/y:1": docker.io/x/y:1: not found'),
    /image does not exist/,
  ],
  ['a manifest that does not exist', backOff('manifest unknown: manifest unknown'), /image does not exist/],
  [
    'a registry out of reach',
    pull(
      'failed to do request: Head "https://registry-1.docker.io/v2/x/y/manifests/1": dial tcp: lookup registry-1.docker.io on 10.0.0.2:53: no such host',
    ),
    /node cannot reach the registry/,
  ],
  [
    'a registry behind a firewall',
    pull('failed to do request: Head "https://quay.io/v2/": dial tcp 1.2.3.4:443: i/o timeout'),
    /node cannot reach the registry/,
  ],
  [
    'an image for another architecture, in the words of dockerd',
    pull('no matching manifest for linux/arm64/v8 in the manifest list entries'),
    /node's architecture/,
  ],
  [
    'an image for another architecture, in the words of CRI-O',
    pull('choosing image instance: no image found in manifest list for architecture "arm64", variant "v8", OS "linux"'),
    /node's architecture/,
  ],
  [
    'a proxy of the node that cannot be found',
    pull(
      'Head "https://registry-1.docker.io/v2/x": proxyconnect tcp: dial tcp: lookup proxy.corp on 10.0.0.2:53: server misbehaving',
    ),
    /node cannot reach the registry/,
  ],
  [
    'a registry with a CA of its own',
    pull(
      'failed to do request: Head "https://registry.corp/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    ),
    /does not trust the registry's certificate/,
  ],
  ['a registry without TLS', backOff('http: server gave HTTP response to HTTPS client'), /does not trust the registry/],
  ['an image for another processor', pull('no match for platform in manifest: not found'), /node's architecture/],
  [
    'a program for another processor',
    'pod sleep-1: container sleep is waiting: CrashLoopBackOff, StartError, exit code 128, failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/bin/sleep": exec format error',
    /node's architecture/,
  ],
  ['a full disk', pull('write /var/lib/containerd/x: no space left on device'), /disk is full/],
  [
    'an image name that is none',
    'pod x: container c is waiting: InvalidImageName, Failed to apply default image tag "a:b:c": couldn\'t parse image name "a:b:c": invalid reference format',
    /image's name is not valid/,
  ],
  [
    'an image that must be there already',
    'pod x: container c is waiting: ErrImageNeverPull, Container image "y:1" is not present with pull policy of Never',
    /pull policy is Never/,
  ],
  [
    'an image that is not pulled, without more words',
    'pod x: container c is waiting: ImagePullBackOff, Back-off pulling image "x"',
    /cannot be pulled: check its name/,
  ],

  // containers
  [
    'too little memory',
    'pod istiod-1: container discovery is waiting: CrashLoopBackOff, OOMKilled, exit code 137',
    /needs more memory than its limit/,
  ],
  [
    'a root image where root is forbidden',
    'pod x: container c is waiting: CreateContainerConfigError, container has runAsNonRoot and image will run as root (pod: "x", container: c)',
    /must not run as root/,
  ],
  [
    'a named user where root is forbidden',
    'pod x: container c is waiting: CreateContainerConfigError, container has runAsNonRoot and image has non-numeric user (node), cannot verify user is non-root',
    /must not run as root/,
  ],
  [
    'a Secret that is missing',
    'pod x: container c is waiting: CreateContainerConfigError, secret "cacerts" not found',
    /refers to a Secret, ConfigMap or key/,
  ],
  [
    'a key that is missing',
    "pod x: container c is waiting: CreateContainerConfigError, couldn't find key token in Secret demo-vc1/x",
    /refers to a Secret, ConfigMap or key/,
  ],
  [
    'a configuration that cannot be used for another reason',
    'pod x: container c is waiting: CreateContainerConfigError, failed to prepare subPath for volumeMount "conf" of container "c"',
    /configuration is not valid/,
  ],
  [
    'a command that the image does not have',
    'pod x: container c is waiting: CrashLoopBackOff, StartError, exit code 128, failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "tail": executable file not found in $PATH',
    /does not contain the container's command/,
  ],
  [
    'a container that the runtime cannot create',
    'pod x: container c is waiting: CreateContainerError, context deadline exceeded',
    /container runtime cannot start/,
  ],
  ['a program that ends', 'pod x: container c is waiting: CrashLoopBackOff, Error, exit code 1', /keeps crashing/],
  [
    'a node short of memory',
    'pod vc1-0 has failed: Evicted, The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi. Container syncer was using 700Mi, request is 256Mi, has larger consumption of memory.',
    /node ran short of memory or disk/,
  ],

  // limits
  [
    'a quota that is used up',
    refused(
      'exceeded quota: small, requested: requests.memory=128Mi, used: requests.memory=900Mi, limited: requests.memory=1Gi',
    ),
    /ResourceQuota of the namespace is used up/,
  ],
  [
    'a quota that wants limits',
    refused('failed quota: small: must specify limits.cpu for: istio-proxy; limits.memory for: istio-proxy'),
    /add a LimitRange with defaults/,
  ],
  [
    'a quota that keeps a StatefulSet without pods',
    'StatefulSet vc1: FailedCreate: create Pod vc1-0 in StatefulSet vc1 failed error: pods "vc1-0" is forbidden: exceeded quota: q, requested: limits.memory=4Gi, used: limits.memory=0, limited: limits.memory=1Gi',
    /ResourceQuota of the namespace is used up/,
  ],
  [
    'a quota on objects, met by helm',
    'Error: UPGRADE FAILED: services "vc1" is forbidden: exceeded quota: objects, requested: services=1, used: services=5, limited: services=5',
    /ResourceQuota of the namespace is used up/,
  ],
  [
    'a LimitRange with a maximum',
    refused('[maximum cpu usage per Container is 1, but limit is 2, maximum cpu usage per Pod is 2, but limit is 3]'),
    /LimitRange of the namespace does not allow this size/,
  ],
  [
    'a LimitRange with a minimum',
    refused('minimum memory usage per Container is 64Mi, but request is 16Mi'),
    /LimitRange of the namespace/,
  ],
  [
    'a LimitRange with a ratio',
    refused('cpu max limit to request ratio per Container is 10, but provided ratio is 20.000000'),
    /LimitRange of the namespace/,
  ],

  // admission
  [
    'Pod Security',
    refused(
      'violates PodSecurity "baseline:latest": non-default capabilities (container "istio-init" must not include "NET_ADMIN", "NET_RAW" in securityContext.capabilities.add)',
    ),
    /Pod Security refuses the pod: set namespace.labels/,
  ],
  [
    'OpenShift',
    refused(
      'unable to validate against any security context constraint: [provider "anyuid": Forbidden: not usable by user or serviceaccount, provider restricted-v2: .containers[0].runAsUser: Invalid value: 0: must be in the ranges: [1000670000, 1000679999]]',
    ),
    /OpenShift's security context constraints/,
  ],
  [
    'Kyverno',
    'admission webhook "validate.kyverno.svc-fail" denied the request: \n\nresource Pod/demo-vc1/x was blocked due to the following policies \n\ndisallow-capabilities:\n  adding-capabilities: Any capabilities added beyond the allowed list are disallowed.',
    /Kyverno policy/,
  ],
  [
    'Pod Security as checked by Kyverno',
    'admission webhook "validate.kyverno.svc-fail" denied the request: \n\nresource Pod/demo-vc1/x was blocked due to the following policies \n\npsa:\n  baseline: |-\n    Validation rule \'baseline\' failed. It violates PodSecurity "baseline:latest": (Forbidden reason: non-default capabilities, field error list: [])',
    /Kyverno policy/,
  ],
  [
    'Pod Security in a demo that is called like a policy engine',
    'host: pods "x" is forbidden: violates PodSecurity "baseline:latest": non-default capabilities (POST /api/v1/namespaces/kyverno-vc1/pods: 403)',
    /^Pod Security refuses the pod/,
  ],
  [
    'Gatekeeper',
    'admission webhook "validation.gatekeeper.sh" denied the request: [psp-capabilities] container <istio-init> has a disallowed capability. Allowed capabilities are []',
    /Gatekeeper constraint/,
  ],
  [
    'a policy of the API server',
    "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'no-root' with binding 'no-root' denied request: root is not allowed here",
    /ValidatingAdmissionPolicy named above refuses it/,
  ],
  [
    'another policy engine',
    'admission webhook "policy.corp.example" denied the request: images must come from registry.corp',
    /policy of the cluster refuses it/,
  ],
  [
    'a webhook that does not answer',
    'Internal error occurred: failed calling webhook "validate.kyverno.svc-fail": failed to call webhook: Post "https://kyverno-svc.kyverno.svc:443/validate/fail?timeout=10s": context deadline exceeded',
    /admission webhook named above does not answer/,
  ],
  [
    'istiod that does not answer',
    'ReplicaSet sleep-1: FailedCreate: Error creating: Internal error occurred: failed calling webhook "namespace.sidecar-injector.istio.io": failed to call webhook: Post "https://istiod.istio-system.svc:443/inject?timeout=10s": dial tcp 10.96.1.2:443: connect: connection refused',
    /istiod's webhook for new pods/,
  ],
  [
    'a namespace that goes',
    'configmaps "x" is forbidden: unable to create new content in namespace demo-vc1 because it is being terminated',
    /namespace is being deleted/,
  ],

  [
    'a request above the limit that a LimitRange sets',
    'StatefulSet vc1: FailedCreate: create Pod vc1-0 in StatefulSet vc1 failed error: Pod "vc1-0" is invalid: spec.containers[0].resources.requests: Invalid value: "200m": must be less than or equal to cpu limit of 100m',
    /does not accept the sizes of a container.*LimitRange/,
  ],

  // nodes and networks
  [
    'a network plugin without addresses',
    'pod vc1-0 is waiting: FailedCreatePodSandBox: Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "1": plugin type="aws-cni" name="aws-cni" failed (add): add cmd: failed to assign an IP address to container',
    /network plugin/,
  ],
  ['a node that is down', 'pod vc1-0 is waiting: NodeNotReady: Node is not ready', /pod's node is down/],
  [
    'DNS in the virtual cluster',
    'requests to helloworld from vc1 fail: curl: (6) Could not resolve host: helloworld.sample',
    /DNS inside the virtual cluster/,
  ],
  [
    "a full volume of a virtual cluster's database",
    'vc1: rpc error: code = Unknown desc = database or disk is full (PATCH /api/v1/namespaces/sample: 500)',
    /volume with the virtual cluster's database is full/,
  ],
  ['a full etcd', 'host: etcdserver: mvcc: database space exceeded (PATCH /api/v1/x: 500)', /etcd is full/],

  // the API and the worker
  [
    'credentials that have expired',
    'host: Unauthorized (GET /api/v1/namespaces/demo-vc1: 401)',
    /does not accept the worker's credentials any more.*Renew/,
  ],
  [
    'a permission that the worker has lost',
    'host: namespaces "demo-vc1" is forbidden: User "system:serviceaccount:vcdemo:worker" cannot get resource "namespaces" in API group "" in the namespace "demo-vc1" (GET /api/v1/namespaces/demo-vc1: 403)',
    /does not have this permission, or has lost it: grant it/,
  ],
  [
    'a proxy that asks for a password',
    'host: something else came back instead of an answer from Kubernetes (GET /api/v1/pods: 407)',
    /asks for a user and a password.*proxy-url/,
  ],
  [
    'an API with too many requests',
    'host: too many requests, please try again later (GET /api/v1/pods: 429)',
    /too many requests.*Priority and Fairness/,
  ],
  [
    'a proxy that redirects to a login page',
    'the API of the host cluster at 10.0.0.1:6443 cannot be reached: a redirect came back instead of an answer from Kubernetes (DELETE /api/v1/pods/x: 302)',
    /in front of the API.*NO_PROXY/,
  ],
  [
    'a proxy that answers in place of the API',
    'host: a web page came back instead of an answer from Kubernetes: 502 Bad Gateway (GET /api/v1/pods: 502)',
    /in front of the API.*NO_PROXY/,
  ],
  [
    'a proxy that limits the size of requests',
    'host: a web page came back instead of an answer from Kubernetes: 413 Request Entity Too Large (PATCH /apis/x: 413)',
    /limits the size of requests.*proxy-body-size/,
  ],
  [
    'a webhook of the host that times out',
    'host: Internal error occurred: failed calling webhook "validate.corp.example": failed to call webhook: Post "https://policy.corp.svc:443/validate?timeout=10s": context deadline exceeded (PATCH /api/v1/namespaces/x: 500)',
    /admission webhook named above does not answer/,
  ],
  [
    "the worker's own full disk",
    "ENOSPC: no space left on device, mkdtemp '/tmp/vcdemo-helm-XXXXXX'",
    /worker cannot write its temporary files/,
  ],

  [
    'a worker with too many open files',
    'the API of the host cluster at 10.0.0.1:6443 cannot be reached: connect EMFILE 10.0.0.1:6443 - Local (undefined:undefined)',
    /too many files open/,
  ],

  [
    'a node that does not confirm the end of a pod',
    'one pod is still running in demo-vc1: pod vc1-0 is being deleted; its node worker-2 has not confirmed its end for 4m',
    /kubectl delete node/,
  ],

  // deletion
  [
    'an API whose server is gone',
    'namespace demo-vc1 is Terminating: Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1: stale GroupVersion discovery: metrics.k8s.io/v1beta1',
    /kubectl get apiservices/,
  ],
  [
    'finalizers',
    'namespace demo-vc1 is Terminating: Some resources are remaining: widgets.corp.example has 1 resource instances; Some content in the namespace has finalizers remaining: corp.example/keep in 1 resource instances',
    /finalizers named above/,
  ],

  [
    'a finalizer of a claim',
    'namespace demo-vc1 is Terminating: Some resources are remaining: persistentvolumeclaims. has 1 resource instances; Some content in the namespace has finalizers remaining: corp.example/backup in 1 resource instances',
    /finalizers named above/,
  ],
  [
    'a volume that the storage driver does not delete',
    'still left: PersistentVolume pvc-1, PersistentVolume pvc-2',
    /kubectl describe persistentvolume` says why/,
  ],

  // tools
  [
    'values that the chart does not know',
    "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nvcluster:\n- controlPlane.statefulSet.probes.startupProbe: Additional property periodSeconds is not allowed",
    /`vcluster.version` is the chart's version/,
  ],
  [
    'a chart for newer clusters',
    'Error: chart requires kubeVersion: >= 1.28.0-0 which is incompatible with Kubernetes v1.25.3',
    /does not support the host cluster's Kubernetes version/,
  ],
  [
    'an object of that name that helm did not make',
    'Error: Unable to continue with install: ServiceAccount "vc-vc1" in namespace "demo-vc1" exists and cannot be imported into the current release: invalid ownership metadata',
    /not created by helm/,
  ],
  [
    'no such version of the chart',
    'Error: chart "vcluster" matching 9.9.9 not found in https://charts.loft.sh index. (try \'helm repo update\'): no chart version found for vcluster-9.9.9',
    /vcluster\.version/,
  ],
  [
    'a chart repository out of reach',
    'Error: looks like "https://charts.loft.sh" is not a valid chart repository or cannot be reached: Get "https://charts.loft.sh/index.yaml": dial tcp: lookup charts.loft.sh: no such host',
    /worker cannot reach the chart repository/,
  ],
];

describe('the advice fits the cause:', () => {
  for (const [situation, reason, advice] of failures)
    it(situation, () => assert.match(adviceFor(reason) ?? 'no advice', advice));

  it('an unknown failure gets none', () => assert.equal(adviceFor('something else went wrong'), undefined));
});

import tls from 'node:tls';
import { X509Certificate } from 'node:crypto';
import type { V1Pod } from '@kubernetes/client-node';
import { seconds } from '../../duration.js';
import { messageOf } from '../../errors.js';
import { clip } from '../../redact.js';
import type { Cluster } from '../client/cluster.js';
import { openExecStream } from '../client/exec-stream.js';
import { list } from '../client/lists.js';
import { readSecret } from '../client/objects.js';
import { podProblem } from '../workloads/pods.js';
import { readySleepPod } from './sidecar.js';

/*
 * Whom sleep reaches at a pod of helloworld in the other cluster. A new connection is opened with `nc`, past the requests'
 * own connections, and a TLS handshake as a sidecar begins it makes the other sidecar show its certificate.
 */

export interface MeshPeer {
  /** The pod that was called. */
  pod: string;
  /** Whether anything came back; undefined where a pod of the own cluster did not answer this way either. */
  isReached: boolean | undefined;
  /** `spiffe://cluster.local/ns/sample/sa/default`; undefined if it showed no such certificate. */
  identity?: string | undefined;
  /** Whether the root CA of the client's cluster has signed it; undefined if that is not known. */
  isOfRoot?: boolean | undefined;
  /** Why there is no identity. */
  problem?: string | undefined;
}

interface PeerRequest {
  cluster: Cluster;
  other: Cluster;
  namespace: string;
  signal: AbortSignal;
}

/** How long the other pod may take to answer. */
const handshakeMs = seconds(4);
const port = 5000;

/** Undefined where helloworld has no ready pod in the other cluster. */
export async function readMeshPeer({ cluster, other, namespace, signal }: PeerRequest): Promise<MeshPeer | undefined> {
  const [sleep, theirs, secret] = await Promise.all([
    readySleepPod(cluster, namespace),
    readyHelloworld(other.with({ signal }), namespace),
    readSecret(cluster, 'cacerts', 'istio-system'),
  ]);
  if (!theirs) return undefined;
  const from = { namespace, pod: sleep.metadata.name, container: 'sleep' };
  const root = secret?.['root-cert.pem'];
  const peer = await shakeHands(cluster, from, theirs, { root, signal });
  if (peer.isReached) return peer;
  // Where raw connections are not let out at all, they say nothing about the way to the other cluster.
  const ours = await readyHelloworld(cluster, namespace);
  const isUsable = ours !== undefined && (await shakeHands(cluster, from, ours, { root, signal })).isReached;
  return { ...peer, isReached: isUsable ? false : undefined };
}

async function readyHelloworld(cluster: Cluster, namespace: string): Promise<{ name: string; ip: string } | undefined> {
  const pods = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace, labels: { app: 'helloworld' }, atMost: 50 });
  for (const pod of pods) {
    const ip = pod.status?.podIP;
    if (ip && podProblem(pod) === undefined) return { name: pod.metadata.name, ip };
  }
  return undefined;
}

async function shakeHands(
  cluster: Cluster,
  from: { namespace: string; pod: string; container: string },
  to: { name: string; ip: string },
  { root, signal }: { root: string | undefined; signal: AbortSignal },
): Promise<MeshPeer & { isReached: boolean }> {
  const deadline = AbortSignal.timeout(handshakeMs);
  const stream = await openExecStream(cluster, from, ['nc', to.ip, String(port)], AbortSignal.any([signal, deadline]));
  let isReached = false;
  stream.once('data', () => (isReached = true));
  const socket = tls.connect({
    socket: stream,
    ALPNProtocols: ['istio'],
    ca: root ?? [],
    // Its identity is no name of a host, and is shown whoever signed it.
    checkServerIdentity: () => undefined,
    rejectUnauthorized: false,
  });
  try {
    await new Promise<void>((resolve, reject) => {
      const end = (reason: string) => () => reject(new Error(reason));
      socket.once('secureConnect', resolve).once('error', reject).once('close', end('it was closed without an answer'));
      deadline.addEventListener('abort', end(`no answer within ${handshakeMs / 1000} s`), { once: true });
    });
    const identity = identityOf(socket.getPeerX509Certificate());
    const isOfRoot = root === undefined ? undefined : socket.authorized;
    return {
      pod: to.name,
      isReached: true,
      ...(identity === undefined ? { problem: 'no SPIFFE identity' } : { identity, isOfRoot }),
    };
  } catch (error) {
    signal.throwIfAborted();
    return { pod: to.name, isReached, problem: clip(messageOf(error), 200) };
  } finally {
    socket.on('error', () => undefined).destroy();
    stream.on('error', () => undefined).destroy();
  }
}

/** `URI:spiffe://…` among the alternative names. */
const identityOf = (certificate: X509Certificate | undefined): string | undefined =>
  /(?:^|, )URI:(spiffe:\/\/[^\s,"]{1,300})/.exec(certificate?.subjectAltName ?? '')?.[1];

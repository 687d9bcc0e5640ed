import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { startSimulatedCluster } from '../../simulator/index.js';
import { ApiError } from '../../src/k8s/client/api-errors.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { remove } from '../../src/k8s/client/objects.js';
import { ref, type Manifest } from '../../src/k8s/client/manifest.js';
import { accessOf } from './access.js';
import { createNamespace } from './answers.js';

/*
 * What vcdemo relies on in a Kubernetes API, asserted by the same tests on the simulated cluster and, if KUBECONFIG is set,
 * on a real one, so that the simulation stays faithful.
 */

/** An image with `sh`; the real cluster must be able to pull it. */
export const shellImage = process.env.CONTRACT_IMAGE ?? 'docker.io/curlimages/curl:8.16.0';

/** A Kubernetes API under test; the getters work only inside tests. */
interface ContractApi {
  readonly kubeConfig: KubeConfig;
  readonly cluster: Cluster;
  /** Created for these tests, and deleted with everything in it. */
  readonly namespace: string;
  /** A Secret in the namespace. */
  secret(name: string, more?: object): Manifest;
  secretPath(name: string): string;
  /** The same API with other credentials than the administrator's; the caller closes it. */
  as(user: Partial<KubeConfig['users'][number]>): Cluster;
  /** Called after the tests, before the API is stopped. */
  cleanUp(work: () => Promise<void>): void;
}

interface Fixture {
  name: string;
  connect(): Promise<{ kubeConfig: KubeConfig; close(): Promise<void> }>;
}

const simulated: Fixture = {
  name: 'the simulated cluster',
  async connect() {
    const cluster = await startSimulatedCluster({ podStartMs: 50 });
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(cluster.kubeconfig);
    return { kubeConfig, close: () => cluster.close() };
  },
};

const real: Fixture = {
  name: 'the cluster of KUBECONFIG',
  connect() {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromDefault();
    return Promise.resolve({ kubeConfig, close: () => Promise.resolve() });
  },
};

/** Describes a topic of the Kubernetes API, for each available cluster. */
export function describeContract(topic: string, defineTests: (api: ContractApi) => void): void {
  for (const fixture of process.env.KUBECONFIG ? [simulated, real] : [simulated])
    describe(`${topic}, on ${fixture.name}`, () => defineTests(connected(fixture)));
}

function connected(fixture: Fixture): ContractApi {
  const { signal } = new AbortController();
  const namespace = `contract-${randomBytes(3).toString('hex')}`;
  let kubeConfig: KubeConfig;
  let cluster: Cluster;
  let close = () => Promise.resolve();
  const cleaning: (() => Promise<void>)[] = [];

  before(async () => {
    ({ kubeConfig, close } = await fixture.connect());
    cluster = connectCluster('it', accessOf(kubeConfig), { signal });
    await createNamespace(cluster, { name: namespace });
  });
  after(async () => {
    for (const work of cleaning) await work();
    await remove(cluster, ref('v1', 'Namespace', namespace));
    cluster.close();
    await close();
  });

  return {
    get kubeConfig() {
      return kubeConfig;
    },
    get cluster() {
      return cluster;
    },
    namespace,
    secret: (name, more = {}) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, ...more }),
    secretPath: (name) => `/api/v1/namespaces/${namespace}/secrets/${name}`,
    cleanUp: (work) => void cleaning.push(work),
    as(user) {
      const other = new KubeConfig();
      const { name, server, caData, caFile } = kubeConfig.getCurrentCluster()!;
      const reached = { name, server, ...(caData ? { caData } : { caFile }) };
      other.loadFromClusterAndUser(reached as never, { name: 'other', ...user } as never);
      return connectCluster('it', accessOf(other), { signal });
    },
  };
}

/** The refusal with which the work fails. */
export async function refused(work: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await work.then(
    () => assert.fail('was not refused'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ApiError, String(error));
  return error;
}

export async function assertRefused(
  work: Promise<unknown>,
  status: number,
  reason: string,
  message: RegExp,
): Promise<void> {
  const error = await refused(work);
  assert.deepEqual({ status: error.status, reason: error.reason }, { status, reason }, error.message);
  assert.match(error.message, message);
}

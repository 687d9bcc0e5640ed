import * as z from 'zod';
import type { DemoConfig } from '../../config.js';
import { UserError } from '../../errors.js';
import type { Cluster } from '../client/cluster.js';
import { demoLabels, namespaceBase, type Demo, type VirtualClusterPlace } from '../demo/demo.js';
import { checked } from '../client/answers.js';
import { read } from '../client/objects.js';
import { ref, type Manifest } from '../client/manifest.js';

/*
 * Credentials for registries: Secrets that operators keep next to the worker, copied into each namespace of a demo. There,
 * the chart's service accounts refer to them, and everything from a virtual cluster runs under these accounts.
 */

const types = ['kubernetes.io/dockerconfigjson', 'kubernetes.io/dockercfg'];

type ImagesConfig = Pick<DemoConfig, 'images'>;

/** The names under which pods of a demo find them. */
export const pullSecretNames = ({ images }: ImagesConfig): string[] =>
  sourcesOf(images.pullSecrets).map(({ name }) => name);

/** In the form of `imagePullSecrets` of a pod or ServiceAccount. */
export const pullSecretRefs = (config: ImagesConfig): { name: string }[] =>
  pullSecretNames(config).map((name) => ({ name }));

/** The Secrets to copy; without a namespace, they are in the worker's own. */
export function sourcesOf(pullSecrets: readonly string[]): { namespace?: string; name: string }[] {
  return pullSecrets.map((written) => {
    const [name = written, namespace] = written.split('/').reverse();
    return { name, ...(namespace && { namespace }) };
  });
}

export interface PullSecretRequest {
  host: Cluster;
  config: ImagesConfig;
  /** The worker's own namespace. */
  claimNamespace: string;
}

/**
 * The copies for a namespace of a demo.
 * @throws UserError `pull-secret-missing`, `pull-secret-wrong`
 */
export async function pullSecretCopies(
  request: PullSecretRequest & { demo: Demo; place: VirtualClusterPlace },
): Promise<Manifest[]> {
  const { demo, place } = request;
  return (await readPullSecrets(request)).map(({ metadata: { name }, type, data }) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: place.namespace, labels: demoLabels(namespaceBase(demo), place.name) },
    type,
    data,
  }));
}

const pullSecret = z.object({ type: z.string().default('Opaque'), data: z.record(z.string(), z.base64()).default({}) });
type PullSecret = z.output<typeof pullSecret> & { metadata: { name: string } };

/** @throws UserError `pull-secret-missing`, `pull-secret-wrong` */
export async function readPullSecrets({ host, config, claimNamespace }: PullSecretRequest): Promise<PullSecret[]> {
  return await Promise.all(
    sourcesOf(config.images.pullSecrets).map(async ({ name, namespace = claimNamespace }) => {
      const secret = await read(host, ref('v1', 'Secret', name, namespace));
      if (!secret)
        throw new UserError(
          'pull-secret-missing',
          `images.pullSecrets names Secret ${namespace}/${name}, which does not exist.`,
          {
            hint: `Create it with \`kubectl -n ${namespace} create secret docker-registry ${name} --docker-server=… --docker-username=… --docker-password=…\`, or correct the configuration.`,
          },
        );
      const { type, data } = checked(pullSecret, secret, `Secret ${namespace}/${name}`);
      if (!types.includes(type))
        throw new UserError(
          'pull-secret-wrong',
          `images.pullSecrets names Secret ${namespace}/${name}, which is of type ${type}; registry credentials are of type ${types[0]}.`,
          { hint: 'Create it again with `kubectl create secret docker-registry`, or name another Secret.' },
        );
      return { metadata: { name }, type, data };
    }),
  );
}

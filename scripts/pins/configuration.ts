import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { readDemoConfig } from '../../src/config.js';
import { istioImage } from '../../src/k8s/mesh/istio-images.js';

/**
 * The text of a configuration file with the current digests of all images, including Istio's, and of a chart file. Defaults
 * are written out; values from the environment stay as they are.
 */
export async function pinConfiguration(
  path: string,
  digestOf: (image: string) => Promise<string>,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const document = parseDocument(readFileSync(path, 'utf8'));
  const { images, istio, vcluster } = readDemoConfig(path, env);
  const set = async (at: string[], find: () => Promise<string> | string) => {
    if (!String(document.getIn(at) ?? '').includes('${')) document.setIn(at, await find());
  };
  for (const [name, image] of Object.entries(images)) {
    if (typeof image !== 'string') continue;
    await set(['images', name], async () => `${image.split('@')[0]}@${await digestOf(image)}`);
  }
  for (const name of ['pilot', 'proxyv2'] as const)
    await set(['istio', 'digests', name], () => digestOf(istioImage({ ...istio, digests: undefined }, name)));
  if (vcluster.chart.endsWith('.tgz') && !vcluster.chart.includes('://'))
    await set(['vcluster', 'digest'], () => sha256Of(vcluster.chart));
  return document.toString({ lineWidth: 0 });
}

function sha256Of(file: string): string {
  return `sha256:${createHash('sha256').update(readFileSync(file)).digest('hex')}`;
}

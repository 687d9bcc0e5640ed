// What `istioctl` renders and installs, reduced to what can be seen of Istio in the simulated cluster.
import { parse, stringify } from 'yaml';
import { istioManifests } from './istio-manifests.mjs';
import { connect, fail, parseArguments, pathOf, readInput } from './kube.mjs';

const { words, flag } = parseArguments(process.argv.slice(2), {
  short: { f: 'filename', y: 'skip-confirmation', c: 'kubeconfig' },
  boolean: ['remote', 'short', 'skip-confirmation', 'force', 'verify'],
});

switch (words.join(' ')) {
  case 'version':
    console.log(flag('short') ? '1.31.0' : 'client version: 1.31.0+simulated');
    break;
  case 'manifest generate':
    console.log(
      readManifests()
        .map((manifest) => stringify(manifest))
        .join('---\n'),
    );
    break;
  case 'install':
    await install().catch((error) => fail(error.message));
    break;
  default:
    fail(`unknown command "${words.join(' ')}" for the simulated "istioctl"`);
}

function readManifests() {
  let operator = {};
  try {
    if (flag('filename')) operator = parse(readInput(flag('filename')));
  } catch (error) {
    fail(`could not unmarshal the overlay file: ${error.message}`);
  }
  if (operator.kind && operator.kind !== 'IstioOperator') fail(`expected an IstioOperator, got ${operator.kind}`);
  return istioManifests(operator.spec ?? {});
}

async function install() {
  const api = connect({ kubeconfig: flag('kubeconfig'), context: flag('context') });
  await api.call('GET', '/api/v1/namespaces/istio-system').catch(() =>
    api.call('POST', '/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'istio-system' },
    }),
  );
  for (const manifest of readManifests())
    await api.call(
      'PATCH',
      `${pathOf(manifest)}?fieldManager=istio-operator&force=true`,
      manifest,
      'application/apply-patch+yaml',
    );
  console.log('✔ Istio core installed\n✔ Istiod installed\n✔ Installation complete (simulated cluster)');
  api.close();
}

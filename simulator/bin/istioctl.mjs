// Renders what `istioctl` does, reduced to what is visible of Istio in the simulated cluster.
import { parse, stringify } from 'yaml';
import { istioManifests } from './istio-manifests.mjs';
import { fail, parseArguments, readInput } from './kube.mjs';

const { words, flag } = parseArguments(process.argv.slice(2), {
  short: { f: 'filename' },
  boolean: ['remote', 'short'],
  texts: ['filename'],
});

switch (words.join(' ')) {
  case 'version':
    console.log(flag('short') ? '1.31.0' : 'client version: 1.31.0+simulated');
    break;
  case 'manifest generate':
    console.log(istioManifests(readOperator()).map(stringify).join('---\n'));
    break;
  default:
    fail(`unknown command "${words.join(' ')}" for the simulated "istioctl"`);
}

function readOperator() {
  let operator = {};
  try {
    if (flag('filename')) operator = parse(readInput(flag('filename')));
  } catch (error) {
    fail(`could not unmarshal the overlay file: ${error.message}`);
  }
  if (operator.kind && operator.kind !== 'IstioOperator') fail(`expected an IstioOperator, got ${operator.kind}`);
  return operator.spec ?? {};
}

import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { parse, stringify } from 'yaml';
import { readDemoConfig } from '../src/config.js';
import { messageOf } from '../src/errors.js';
import { helmValues } from '../src/k8s/virtual-cluster/helm-values.js';
import { chartProblems, type ChartObject } from './chart-problems.js';

/*
 * npm run charts -- FOLDER: renders each vcluster chart (.tgz) in the folder with our values, using the helm on the PATH,
 * and reports how many can be used. With VCDEMO_CONFIG, its `vcluster.values` are merged over ours.
 */

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: npm run charts -- FOLDER, with vcluster charts as .tgz files');
  process.exit(2);
}

const config = readDemoConfig(process.env.VCDEMO_CONFIG);
const files = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
let usable = 0;
for (const file of files.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))) {
  const problems = await problemsOf(join(folder, file)).catch((error: unknown) => [messageOf(error)]);
  if (problems.length === 0) usable++;
  console.log(`${problems.length === 0 ? 'ok  ' : 'FAIL'} ${basename(file, '.tgz')}`);
  for (const problem of problems) console.log(`     ${problem.replaceAll('\n', '\n     ')}`);
}
console.log(`${usable} of ${files.length} charts can be used`);
process.exitCode = files.length > 0 && usable === files.length ? 0 : 1;

async function problemsOf(chart: string): Promise<string[]> {
  const { stdout: about } = await execa('helm', ['show', 'chart', chart]);
  const { version } = parse(about) as { version: string };
  const values = helmValues({
    version,
    extraSans: ['demo-vc1.example.com', 'vc1.demo-vc1'],
    pullSecrets: ['registry'],
    hostDns: true,
    extra: config.vcluster.values,
  });
  const rendered = await execa('helm', ['template', 'vc1', chart, '--namespace', 'demo-vc1', '--values', '-'], {
    input: stringify(values),
    reject: false,
  });
  if (rendered.failed) return [rendered.stderr.trim()];
  const objects = rendered.stdout
    .split(/^---$/m)
    .map((text) => parse(text) as ChartObject | null)
    .filter((object) => object !== null);
  return chartProblems(objects, { config, names: ['demo-vc1.example.com'], pullSecrets: ['registry'] });
}

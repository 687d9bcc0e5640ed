import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { readDemoConfig } from '../../src/config.js';
import { createFlow } from '../../src/jobs/flows/create.js';
import { mermaidOf } from '../../src/jobs/flow-diagram.js';
import { workerRulesYaml } from '../../scripts/worker-rules.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = (path: string) => readFileSync(join(root, path), 'utf8');
const pages = ['.', 'docs'].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

test('docs/architecture.md shows the flow of create as it is (npm run docs writes it)', () => {
  assert.ok(text('docs/architecture.md').includes(mermaidOf(createFlow)));
});

test('the chart grants the worker what the code asks for (npm run docs writes it)', () => {
  assert.equal(text('helm/vcdemo/files/worker-rules.yaml'), workerRulesYaml());
});

test('every link between the pages leads somewhere', () => {
  for (const page of pages)
    for (const [, target] of text(page).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g))
      assert.ok(existsSync(join(root, dirname(page), target!)), `${page} links to ${target}`);
});

test('README.md explains every setting that the environment has', () => {
  const settings = new Set([...text('src/config.ts').matchAll(/^\s+([A-Z][A-Z_]+): /gm)].map(([, name]) => name!));
  assert.ok(settings.size > 8);
  for (const setting of settings)
    if (setting !== 'KUBERNETES_SERVICE_HOST') assert.ok(text('README.md').includes(`\`${setting}\``), setting);
});

test('docs/configuration.md explains every key at the top', () => {
  for (const key of Object.keys(readDemoConfig(undefined)))
    assert.ok(text('docs/configuration.md').includes(`\`${key}`), key);
});

test('the examples are good configurations', () => {
  for (const name of readdirSync(join(root, 'examples'))) {
    const config = readDemoConfig(join(root, 'examples', name), { LAB_VCLUSTER_CHART: '/chart.tgz' });
    const { exposure } = parse(text(`examples/${name}`)) as { exposure: { kind: string } };
    assert.equal(config.exposure.kind, exposure.kind);
  }
});

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import * as z from 'zod';
import { readDemoConfig } from '../../src/config.js';
import { faultNames } from '../../simulator/faults.js';
import { commandNames } from '../../src/commands/table.js';
import { formatDuration } from '../../src/duration.js';
import { createFlow } from '../../src/jobs/commands/create/flow.js';
import { causeNames } from '../../src/jobs/commands/verify/causes.js';
import { checkNames } from '../../src/jobs/commands/verify/checks.js';
import { mermaidOf } from '../../src/jobs/flow-diagram.js';
import { configurationSchemaText, configurationTable } from '../../scripts/configuration-docs.js';
import { commandTable } from '../../scripts/command-table.js';
import { admissionPolicyYaml } from '../../scripts/admission-policy-file.js';
import { redisAcl } from '../../scripts/redis-acl.js';
import { rolesTable } from '../../scripts/roles-table.js';
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

test('README.md lists the commands as they are (npm run docs writes it)', () => {
  assert.ok(text('README.md').includes(commandTable()));
});

test('the chart grants the worker what the code needs (npm run docs writes it)', () => {
  assert.equal(text('helm/vcdemo/files/worker-rules.yaml'), workerRulesYaml());
});

test('the chart generates the admission policy from the rules in the code (npm run docs writes it)', () => {
  assert.equal(text('helm/vcdemo/files/admission-policy.yaml'), admissionPolicyYaml());
});

test('the image and the chart start the bot and the worker with the flags of package.json', () => {
  const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };
  const asList = (script: string) => script.split(' ').map((each) => JSON.stringify(each));
  assert.ok(text('Dockerfile').includes(`CMD [${asList(scripts['start:bot']!).join(', ')}]`));
  assert.ok(text('helm/vcdemo/templates/worker.yaml').includes(`(list ${asList(scripts['start:worker']!).join(' ')})`));
});

test('docs/operations.md says who may run which command (npm run docs writes it)', () => {
  const table = rolesTable();
  assert.ok(text('docs/operations.md').includes(table));
  for (const name of commandNames.filter((each) => each !== 'help')) assert.ok(table.includes(`\`${name}\``), name);
});

test('docs/operations.md has the deadline at which a create gives up on a full host cluster', () => {
  const { within } = createFlow.steps.find(({ name }) => name === 'virtualCluster')!;
  assert.ok(text('docs/operations.md').includes(`(${formatDuration(within)} for the virtual clusters`));
});

test('docs/operations.md lists the permissions that are needed in Redis (npm run docs writes it)', () => {
  assert.ok(text('docs/operations.md').includes(redisAcl()));
});

test('every link between the pages has a target', () => {
  for (const page of pages)
    for (const [, target] of text(page).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g))
      assert.ok(existsSync(join(root, dirname(page), target!)), `${page} links to ${target}`);
});

test('docs/security.md names a test for every attack, or says that there is none', () => {
  const [, table = ''] = /\| who attacks \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)/.exec(text('docs/security.md')) ?? [];
  const rows = table.trimEnd().split('\n');
  assert.ok(rows.length > 30);
  let before = '';
  for (const row of rows) {
    const cells = row.slice(1, -1).split('|');
    const tried = cells[4]?.trim() ?? '';
    const tests = [...tried.matchAll(/\]\(\.\.\/(test\/[^)]+\.test\.ts)\)/g)].map(([, path]) => path!);
    const isSame = tried === 'same' && before !== '';
    assert.ok(cells.length === 5 && (tests.length > 0 || isSame || /^not tested: \w/.test(tried)), row);
    for (const path of tests) assert.match(text(path), /\b(?:test|it)\(/, path);
    before = tried;
  }
});

test('README.md explains every environment variable', () => {
  const settings = new Set([...text('src/config.ts').matchAll(/^\s+([A-Z][A-Z_]+): /gm)].map(([, name]) => name!));
  assert.ok(settings.size > 8);
  for (const setting of settings)
    if (!setting.startsWith('KUBERNETES_SERVICE_')) assert.ok(text('README.md').includes(`\`${setting}\``), setting);
});

test('docs/configuration.md lists every key as the schema describes it (npm run docs writes it)', () => {
  assert.ok(text('docs/configuration.md').includes(`<!-- keys -->\n${configurationTable()}\n<!-- end -->`));
});

test('docs/configuration.schema.json matches the schema (npm run docs writes it)', async () => {
  assert.equal(text('docs/configuration.schema.json'), await configurationSchemaText());
});

test('editors accept the examples with the JSON schema that they name, and mark unknown keys and invalid values', () => {
  const schema = z.fromJSONSchema(JSON.parse(text('docs/configuration.schema.json')) as z.core.JSONSchema.JSONSchema);
  for (const name of readdirSync(join(root, 'examples'))) {
    const example = text(`examples/${name}`);
    const [, named] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(example) ?? [];
    assert.equal(join('examples', named ?? ''), 'docs/configuration.schema.json', name);
    const { error } = schema.safeParse(parse(example));
    assert.equal(error, undefined, `${name}: ${error?.message}`);
  }
  for (const wrong of [
    { domian: 'x' },
    { exposure: { kind: 'magic' } },
    { clusters: { eu: { acces: {} } } },
    { ttl: { max: 'soon' } },
  ])
    assert.equal(schema.safeParse(wrong).success, false, JSON.stringify(wrong));
  assert.ok(schema.safeParse({ vcluster: { version: '${CHART_VERSION}' } }).success);
});

test('the examples are valid configurations', () => {
  for (const name of readdirSync(join(root, 'examples'))) {
    const config = readDemoConfig(join(root, 'examples', name), { LAB_VCLUSTER_CHART: '/chart.tgz' });
    const { exposure } = parse(text(`examples/${name}`)) as { exposure: { kind: string } };
    assert.equal(config.exposure.kind, exposure.kind);
  }
});

test('docs/verify.md explains every check and every cause that verify can name', () => {
  const page = text('docs/verify.md');
  for (const name of causeNames) assert.ok(page.includes(`| ${name} |`), name);
  for (const name of checkNames) assert.ok(page.includes(`\`${name}\``), name);
});

test('README.md, Troubleshooting, quotes messages as the code has them', () => {
  const [section] = /## Troubleshooting[\s\S]*?\n## /.exec(text('README.md'))!;
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => text(join('src', name)))
    .join('\n');
  /** What stands in a string before something that is filled in. */
  const beginnings = [...sources.matchAll(/([^`'"{}\n$]{12,})\$\{/g)].map(([, beginning]) => beginning!.trimStart());
  const quotes = section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .flatMap((line) => [...line.split(' | ')[0]!.matchAll(/`([^`]+)`/g)].map(([, quote]) => quote!));
  assert.ok(quotes.length > 10);
  for (const quote of quotes)
    for (const part of quote.split('…').map((each) => each.replace(/^:|:$/g, '').trim()))
      assert.ok(
        sources.includes(part) || beginnings.some((beginning) => part.startsWith(beginning)),
        `"${part}" of "${quote}"`,
      );
});

test('slack-manifest.yaml hints at every command', () => {
  const { features } = parse(text('slack-manifest.yaml')) as {
    features: { slash_commands: { usage_hint: string }[] };
  };
  assert.deepEqual(features.slash_commands[0]!.usage_hint.split(' | '), commandNames);
});

test('the README of the simulator explains every fault', () => {
  for (const fault of faultNames) assert.ok(text('simulator/README.md').includes(`| \`${fault}\` |`), fault);
});

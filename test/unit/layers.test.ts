import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../src', import.meta.url));

const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

/** What the file imports: packages by name, files by their path below src without suffix. */
function importsOf({ path, text }: { path: string; text: string }): string[] {
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, name = '']) =>
    name.startsWith('.') ? relative(root, join(root, dirname(path), name)).replace(/\.js$/, '') : name,
  );
}

const within = (folder: string) => sources.filter(({ path }) => path.startsWith(`${folder}/`));

test('the bot imports only what it shares with the workers', () => {
  const shared = [
    'jobs/definitions',
    'access',
    'config',
    'errors',
    'log',
    'duration',
    'redis',
    'slack-text',
    'job-signature',
    'metrics',
    'tracing',
    'within',
  ];
  assert.ok(within('bot').length > 0);
  for (const source of within('bot'))
    for (const name of importsOf(source)) {
      assert.ok(!name.startsWith('@kubernetes/'), `${source.path} imports ${name}`);
      if (sources.some(({ path }) => path === `${name}.ts`) && !name.startsWith('bot/'))
        assert.ok(shared.includes(name), `${source.path} imports ${name}`);
    }
});

test('what the bot shares with the workers imports nothing of theirs', () => {
  for (const source of sources.filter(
    ({ path }) => !path.includes('/') || path.startsWith('config/') || path === 'jobs/definitions.ts',
  ))
    for (const name of importsOf(source))
      assert.doesNotMatch(name, /^(bot|jobs|k8s)\/|^@kubernetes\//, `${source.path} imports ${name}`);
});

test('the layer of the cluster knows neither the bot nor the jobs', () => {
  for (const source of within('k8s'))
    for (const name of importsOf(source)) assert.doesNotMatch(name, /^(bot|jobs)\//, `${source.path} imports ${name}`);
});

test('the jobs do not know the bot', () => {
  for (const source of within('jobs'))
    for (const name of importsOf(source)) assert.doesNotMatch(name, /^bot\//, `${source.path} imports ${name}`);
});

test('only config.ts reads the environment', () => {
  const readers = sources.filter(({ text }) => text.includes('process.env')).map(({ path }) => path);
  assert.deepEqual(readers, ['config.ts']);
});

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../src', import.meta.url));

const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

/** What the file imports: packages by name, files by their path below src without extension. */
function importsOf({ path, text }: { path: string; text: string }): string[] {
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, name = '']) =>
    name.startsWith('.') ? relative(root, join(root, dirname(path), name)).replace(/\.js$/, '') : name,
  );
}

const within = (folder: string) => sources.filter(({ path }) => path.startsWith(`${folder}/`));

/** The table of commands, the configuration and the top-level files: what bot and workers share. */
const isShared = (path: string) => !path.includes('/') || /^(config|slack|commands|redis)\//.test(path);

test('the bot imports nothing from the workers', () => {
  assert.ok(within('bot').length > 0);
  for (const source of within('bot'))
    for (const name of importsOf(source)) {
      assert.ok(!name.startsWith('@kubernetes/'), `${source.path} imports ${name}`);
      if (sources.some(({ path }) => path === `${name}.ts`) && !name.startsWith('bot/'))
        assert.ok(isShared(name), `${source.path} imports ${name}`);
    }
});

test('what bot and workers share imports nothing from either', () => {
  for (const source of sources.filter(({ path }) => isShared(path)))
    for (const name of importsOf(source))
      assert.doesNotMatch(name, /^(bot|jobs|k8s)\/|^@kubernetes\//, `${source.path} imports ${name}`);
});

test('the Kubernetes layer imports neither the bot nor the jobs', () => {
  for (const source of within('k8s'))
    for (const name of importsOf(source)) assert.doesNotMatch(name, /^(bot|jobs)\//, `${source.path} imports ${name}`);
});

test('the jobs do not import the bot', () => {
  for (const source of within('jobs'))
    for (const name of importsOf(source)) assert.doesNotMatch(name, /^bot\//, `${source.path} imports ${name}`);
});

test('only config.ts reads the environment', () => {
  const readers = sources.filter(({ text }) => text.includes('process.env')).map(({ path }) => path);
  assert.deepEqual(readers, ['config.ts']);
});

test('zod is imported as a namespace, of which the bundles leave out what is not used: half a megabyte', () => {
  const others = sources
    .filter(({ text }) => /import (?:type )?\{[^}]*\} from 'zod'/.test(text))
    .map(({ path }) => path);
  assert.deepEqual(others, []);
});

// ------------------------------------------------------------------ the whole house

const house = fileURLToPath(new URL('../..', import.meta.url));

/** Files of src, simulator, test/support and sandbox with what they import from each other, by path below the root. */
const imports = new Map(
  ['src', 'simulator', 'test/support', 'sandbox']
    .flatMap((folder) =>
      readdirSync(join(house, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
    )
    .filter((path) => /\.(ts|mjs)$/.test(path))
    .map((path) => [path, importedFiles(path)]),
);

function importedFiles(path: string): string[] {
  const text = readFileSync(join(house, path), 'utf8');
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, name = '']) =>
    join(dirname(path), name.replace(/\.js$/, '.ts')),
  );
}

test('there are no circular imports', () => {
  const done = new Set<string>();
  const visit = (path: string, way: string[]): void => {
    assert.ok(!way.includes(path), `an import circle: ${[...way.slice(way.indexOf(path)), path].join(' -> ')}`);
    if (done.has(path)) return;
    for (const next of imports.get(path) ?? []) visit(next, [...way, path]);
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
});

test('the product imports no stand-ins, the simulator no tests, and the tests no sandbox', () => {
  const mayImport: Record<string, RegExp> = {
    src: /^src\//,
    simulator: /^(simulator\/|src\/k8s\/credentials\/(asn1|x509)\.ts$)/,
    'test/support': /^(test\/support|simulator|src)\//,
    sandbox: /^(sandbox|test\/support|simulator|src)\//,
  };
  for (const [folder, allowed] of Object.entries(mayImport))
    for (const [path, names] of imports)
      if (path.startsWith(`${folder}/`))
        for (const name of names) assert.match(name, allowed, `${path} imports ${name}`);
});

test('nothing is exported for nobody', () => {
  const texts = ['src', 'simulator', 'test', 'sandbox', 'scripts', 'bench'].flatMap((folder) =>
    readdirSync(join(house, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(ts|mjs)$/.test(path))
      .map((path) => ({ path: join(folder, path), text: readFileSync(join(house, folder, path), 'utf8') })),
  );
  const namesIn = (list: string) => [...list.matchAll(/(?:type )?(\w+)(?: as \w+| ?: ?\w+)?/g)].map(([, name]) => name);
  const imported = new Set(
    texts.flatMap(({ text }) =>
      [...text.matchAll(/\{([^{}]*)\}(?: from '\.|,? = \(?await import\()/g)].flatMap(([, list = '']) => namesIn(list)),
    ),
  );
  // What is imported whole, or by Lambda.
  const isExempt = (path: string) => /\/(asn1|lambda)\.ts$/.test(path);
  const unused = texts
    .filter(({ path }) => !isExempt(path))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/^export (?:async |abstract )*(?:const|function\*?|class|interface|type) (\w+)/gm)]
        .filter(([, name]) => !imported.has(name))
        .map(([, name]) => `${path}: ${name}`),
    );
  assert.ok(imported.size > 500);
  assert.deepEqual(unused, []);
});

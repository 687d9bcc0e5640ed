import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { actionsIn } from '../../scripts/pins/actions.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = (path: string) => readFileSync(join(root, path), 'utf8');
const workflows = readdirSync(join(root, '.github/workflows')).map((name) => `.github/workflows/${name}`);

test('every action is at a commit, with its release beside it for Dependabot', () => {
  const actions = workflows.flatMap((path) => actionsIn(text(path)));
  assert.ok(actions.length > 10);
  for (const { repository, ref, version } of actions) {
    assert.match(ref, /^[a-f0-9]{40}$/, repository);
    assert.match(version ?? '', /^v\d+\.\d+\.\d+$/, repository);
  }
});

test('one release of an action is one commit everywhere', () => {
  const commits = new Map<string, string>();
  for (const { repository, ref, version } of workflows.flatMap((path) => actionsIn(text(path)))) {
    assert.equal(commits.get(`${repository} ${version}`) ?? ref, ref, repository);
    commits.set(`${repository} ${version}`, ref);
  }
});

test('nothing that was downloaded is run unseen', () => {
  for (const path of [...workflows, 'Dockerfile', '.ci/run'])
    assert.doesNotMatch(text(path), /(curl|wget)[^\n]*\|[^\n]*\b(ba|z)?sh\b/, path);
});

test('Dependabot sees what the Dockerfile starts from', () => {
  const args = new Map([...text('Dockerfile').matchAll(/^ARG (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]));
  const bases = [...text('Dockerfile').matchAll(/^FROM (\S+?)(?: AS \w+)?$/gm)].map(([, image = '']) =>
    image.replace(/\$\{(\w+)\}/g, (_, name: string) => args.get(name) ?? assert.fail(`${name} has no default`)),
  );
  const seen = [...text('.github/base-images/Dockerfile').matchAll(/^FROM (\S+)$/gm)].map(([, image]) => image);
  assert.deepEqual([...new Set(bases)], seen);
});

test('the function takes every secret by reference', () => {
  const secrets = [...text('template.yaml').matchAll(/^ +(\w+_(?:TOKEN|SECRET|KEY|URL)): (.*)$/gm)];
  assert.equal(secrets.length, 4);
  for (const [, name, value = ''] of secrets) assert.match(value, /\{\{resolve:secretsmanager:/, name);
});

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { actionsIn } from '../../scripts/pins/actions.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = (path: string) => readFileSync(join(root, path), 'utf8');
const workflows = readdirSync(join(root, '.github/workflows')).map((name) => `.github/workflows/${name}`);

test('every action is pinned to a commit, with its release in a comment for Dependabot', () => {
  const actions = workflows.flatMap((path) => actionsIn(text(path)));
  assert.ok(actions.length > 10);
  for (const { repository, ref, version } of actions) {
    assert.match(ref, /^[a-f0-9]{40}$/, repository);
    assert.match(version ?? '', /^v\d+\.\d+\.\d+$/, repository);
  }
});

test('the same release of an action is the same commit everywhere', () => {
  const commits = new Map<string, string>();
  for (const { repository, ref, version } of workflows.flatMap((path) => actionsIn(text(path)))) {
    assert.equal(commits.get(`${repository} ${version}`) ?? ref, ref, repository);
    commits.set(`${repository} ${version}`, ref);
  }
});

test('nothing is downloaded and run without verification', () => {
  for (const path of [...workflows, 'Dockerfile', '.ci/run'])
    assert.doesNotMatch(text(path), /(curl|wget)[^\n]*\|[^\n]*\b(ba|z)?sh\b/, path);
});

test('Dependabot sees the base images of the Dockerfile', () => {
  const args = new Map([...text('Dockerfile').matchAll(/^ARG (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]));
  const bases = [...text('Dockerfile').matchAll(/^FROM (\S+?)(?: AS \w+)?$/gm)].map(([, image = '']) =>
    image.replace(/\$\{(\w+)\}/g, (_, name: string) => args.get(name) ?? assert.fail(`${name} has no default`)),
  );
  const seen = [...text('.github/base-images/Dockerfile').matchAll(/^FROM (\S+)$/gm)].map(([, image]) => image);
  assert.deepEqual(
    [...new Set(bases)].filter((image) => image !== 'scratch'),
    seen,
  );
});

describe('the function', () => {
  /** CloudFormation's tags as plain YAML: `!Ref Name` becomes `Name`, `!If [Condition, a, b]` the list. */
  const tags = ['!Ref', '!Sub'].map((tag) => ({ tag, resolve: (value: string) => value }));
  const lists = ['!If', '!Equals'].map((tag) => ({
    tag,
    collection: 'seq' as const,
    resolve: (value: unknown) => value,
  }));
  const { Resources } = parse(text('template.yaml'), { customTags: [...tags, ...lists] });
  const variables: Record<string, string | string[]> = Resources.Bot.Properties.Environment.Variables;

  test('gets every secret by reference', () => {
    const secrets = Object.keys(variables).filter((name) => /_(TOKEN|SECRET|KEY|URL|PASSWORD)$/.test(name));
    assert.equal(secrets.length, 5);
    for (const name of secrets)
      assert.match(
        String(variables[name]),
        new RegExp(`\\{\\{resolve:secretsmanager:\\$\\{SlackSecret\\}:SecretString:${name}\\}\\}`),
      );
  });

  test('accepts all Redis settings that a bot accepts', () => {
    const settings = [...text('src/config.ts').matchAll(/^ +(REDIS_\w+):/gm)].map(([, name]) => name!);
    assert.ok(settings.includes('REDIS_SENTINEL_PASSWORD'));
    assert.deepEqual(
      settings.filter((name) => !(name in variables)),
      [],
    );
  });

  test('refers to a sentinel password only if there is one', () => {
    const [condition, , otherwise] = variables.REDIS_SENTINEL_PASSWORD ?? [];
    assert.deepEqual([condition, otherwise], ['HasSentinelPassword', 'AWS::NoValue']);
  });
});

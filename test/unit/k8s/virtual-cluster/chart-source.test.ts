import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { UserError } from '../../../../src/errors.js';
import { withChart, type ChartSource } from '../../../../src/k8s/virtual-cluster/chart-source.js';

const version = '0.34.0';
const repository = 'https://charts.example.com/vcluster';
const sourceOf = (chart: string, address = repository) =>
  withChart({ chart, repository: address, version }, (source) => Promise.resolve(source));

describe('a chart is passed to helm', () => {
  const cases: [what: string, chart: string, args: string[]][] = [
    ['in a repository', 'vcluster', ['vcluster', '--version', version, '--repo', repository]],
    ['in a registry', 'oci://ghcr.io/me/vcluster', ['oci://ghcr.io/me/vcluster', '--version', version]],
    ['in a file', '/charts/vcluster-0.34.0.tgz', ['/charts/vcluster-0.34.0.tgz']],
    ["in one of helm's own repositories", 'loft/vcluster', ['loft/vcluster', '--version', version]],
  ];
  for (const [what, chart, args] of cases)
    test(what, async () => assert.deepEqual(await sourceOf(chart), { args, env: {}, needsUpdate: false }));

  /** Checks what helm would see while it runs, and that it is gone afterwards. */
  async function inspect(
    chart: string,
    address: string | undefined,
    look: (source: ChartSource, file: string) => void,
  ): Promise<void> {
    let file = '';
    await withChart({ chart, repository: address ?? repository, version }, (source) => {
      file = source.env.HELM_REPOSITORY_CONFIG ?? source.env.HELM_REGISTRY_CONFIG ?? '';
      assert.doesNotMatch(JSON.stringify(source), /p@ss/);
      assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.equal(statSync(dirname(file)).mode & 0o777, 0o700);
      look(source, readFileSync(file, 'utf8'));
      return Promise.resolve();
    });
    assert.equal(existsSync(dirname(file)), false);
  }

  test('from a repository with a password, which is in a separate file and not in the arguments', async () => {
    await inspect('vcluster', 'https://me:p%40ss@charts.example.com/vcluster', ({ args, needsUpdate }, file) => {
      assert.deepEqual(args, ['vcdemo/vcluster', '--version', version]);
      assert.equal(needsUpdate, true);
      const { repositories } = parse(file) as { repositories: object[] };
      assert.deepEqual(repositories, [{ name: 'vcdemo', url: repository, username: 'me', password: 'p@ss' }]);
    });
  });

  test('from a repository whose URL has a query, which may be a token, and is not in the arguments', async () => {
    await inspect('vcluster', `${repository}?sig=p@ss`, ({ args, needsUpdate }, file) => {
      assert.deepEqual(args, ['vcdemo/vcluster', '--version', version]);
      assert.equal(needsUpdate, true);
      const { repositories } = parse(file) as { repositories: object[] };
      assert.deepEqual(repositories, [{ name: 'vcdemo', url: `${repository}?sig=p@ss` }]);
    });
  });

  test('from a registry with a password, which is in a separate file and not in the arguments', async () => {
    await inspect('oci://me:p%40ss@ghcr.io:5000/me/vcluster', undefined, ({ args, needsUpdate }, file) => {
      assert.deepEqual(args, ['oci://ghcr.io:5000/me/vcluster', '--version', version]);
      assert.equal(needsUpdate, false);
      const auth = Buffer.from('me:p@ss').toString('base64');
      assert.deepEqual(JSON.parse(file), { auths: { 'ghcr.io:5000': { auth } } });
    });
  });

  test('and the file is removed if helm fails', async () => {
    let file = '';
    const failing = withChart({ chart: 'vcluster', repository: 'https://me:pw@example.com', version }, ({ env }) => {
      file = env.HELM_REPOSITORY_CONFIG!;
      return Promise.reject(new Error('helm failed'));
    });
    await assert.rejects(failing, /helm failed/);
    assert.equal(existsSync(dirname(file)), false);
  });

  for (const [what, url] of [
    ['a password', 'https://me:secret@example.com/vcluster.tgz'],
    ['a query', 'https://example.com/vcluster.tgz?sig=secret'],
  ] as const)
    test(`but not as the URL of a file with ${what}`, async () => {
      await assert.rejects(sourceOf(url), (error: unknown) => {
        assert.ok(error instanceof UserError);
        assert.match(error.hint!, /vcluster.repository/);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
    });
});

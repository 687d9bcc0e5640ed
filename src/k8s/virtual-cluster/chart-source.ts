import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { DemoConfig } from '../../config.js';
import { UserError } from '../../errors.js';

/** How to pass a chart to helm. */
export interface ChartSource {
  /** The arguments after `helm upgrade --install <name>`: the chart, its version and its repository. */
  args: string[];
  env: Record<string, string>;
  /** Whether helm must fetch the repository's index first. */
  needsUpdate: boolean;
}

/** The repository's name in helm's repository file, if one is written. */
export const repositoryName = 'vcdemo';

/**
 * Runs `work` with the chart of the configuration. A user name, password or query in its URL are passed to helm in a file that
 * only this user can read and that is removed afterwards, because all users of the machine can see arguments.
 * @throws UserError `chart-password` for a password in the URL of a file; `chart-digest` for a file with another digest
 * @see https://helm.sh/docs/helm/helm/ for the variables
 */
export async function withChart<Result>(
  {
    chart,
    digest,
    repository,
    version,
  }: Pick<DemoConfig['vcluster'], 'chart' | 'repository' | 'version'> & { digest?: string | undefined },
  work: (source: ChartSource) => Promise<Result>,
): Promise<Result> {
  if (/^https?:/.test(chart) && (withoutCredentials(chart).user !== undefined || hasQuery(chart)))
    throw new UserError(
      'chart-password',
      'vcluster.chart is the URL of a file and contains a user name, password or token.',
      {
        hint: "Set vcluster.repository to the repository's URL with the credentials, and vcluster.chart to the chart's name: helm then gets them in a file.",
      },
    );
  if (digest !== undefined) await assertDigest(chart, digest);
  if (chart.endsWith('.tgz')) return await work({ args: [chart], env: {}, needsUpdate: false });
  const versioned = ['--version', version];
  if (chart.includes('/')) {
    const { address, user } = chart.startsWith('oci://')
      ? withoutCredentials(chart)
      : { address: chart, user: undefined };
    const source = { args: [address, ...versioned], needsUpdate: false };
    if (!user) return await work({ ...source, env: {} });
    const auth = Buffer.from(`${user.username}:${user.password}`).toString('base64');
    const registry = JSON.stringify({ auths: { [new URL(address).host]: { auth } } });
    return await withFile(registry, (file) => work({ ...source, env: { HELM_REGISTRY_CONFIG: file } }));
  }
  const { address, user } = withoutCredentials(repository);
  if (!user && !hasQuery(address))
    return await work({ args: [chart, ...versioned, '--repo', address], env: {}, needsUpdate: false });
  const repositories = { apiVersion: 'v1', repositories: [{ name: repositoryName, url: address, ...user }] };
  return await withFile(stringify(repositories), (file, directory) =>
    work({
      args: [`${repositoryName}/${chart}`, ...versioned],
      env: { HELM_REPOSITORY_CONFIG: file, HELM_REPOSITORY_CACHE: join(directory, 'cache') },
      needsUpdate: true,
    }),
  );
}

async function assertDigest(file: string, expected: string): Promise<void> {
  const content = await readFile(file);
  const found = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  if (found === expected) return;
  throw new UserError('chart-digest', `The chart ${file} has the digest ${found}, not ${expected}.`, {
    hint: 'Put the right chart in its place, or correct vcluster.digest in the configuration.',
  });
}

/** Such as a signature that gives access. */
const hasQuery = (address: string): boolean => new URL(address).search !== '';

function withoutCredentials(address: string): { address: string; user?: { username: string; password: string } } {
  const url = new URL(address);
  if (!url.username && !url.password) return { address };
  const user = { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  url.username = url.password = '';
  return { address: url.href, user };
}

/** Writes the file into its own directory, which is always removed. */
async function withFile<Result>(
  content: string,
  work: (file: string, directory: string) => Promise<Result>,
): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-helm-'));
  try {
    const file = join(directory, 'config');
    await writeFile(file, content, { mode: 0o600 });
    return await work(file, directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

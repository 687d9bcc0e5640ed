import { readFileSync } from 'node:fs';
import { resolve, dirname } from 'node:path';
import * as z from 'zod';
import { UserError } from '../errors.js';
import { demoConfig, hostClusterConfig, sharedConfig, type DemoConfig, type SharedConfig } from './schema.js';
import { parseYaml, showVariables, variablesIn } from './substitution.js';

type Written = Record<string, unknown>;

const isWritten = (value: unknown): value is Written =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads and validates the YAML file; without a path, returns the defaults. A relative chart file is resolved against it.
 * With `hostCluster`, the settings are those of that entry of `clusters`, and the other entries are not validated.
 * @throws UserError `config-unreadable` with the path and every problem.
 */
export function readConfigFile(path: string | undefined, env: NodeJS.ProcessEnv, hostCluster?: string): DemoConfig {
  if (path === undefined) return demoConfig.parse({});
  return readFile(path, env, (written) => {
    const clusters = clustersIn(written);
    const only = hostCluster !== undefined && Object.hasOwn(clusters, hostCluster) ? hostCluster : undefined;
    const parsed = (only === undefined ? [undefined, ...Object.keys(clusters)] : [only]).map((name) =>
      parseFor(written, name),
    );
    const config = firstOf(parsed);
    return withChartFileFrom(dirname(path), only === undefined ? config : { ...config, hostCluster: only });
  });
}

/**
 * What the bot needs from the file. Parts that only workers use may be invalid, or use variables that are not set here.
 * @throws UserError `config-unreadable` with the path and every problem.
 */
export function readSharedConfig(path: string | undefined, env: NodeJS.ProcessEnv): SharedConfig {
  if (path === undefined) return sharedConfig.parse({});
  return readFile(path, env, (written) => {
    const forWorkers = new Set(Object.keys(hostClusterConfig.shape));
    const own = Object.fromEntries(Object.entries(written).filter(([key]) => !forWorkers.has(key)));
    return firstOf([parse(sharedConfig, { ...own, ...clusterNames(written) })]);
  });
}

function readFile<Config>(path: string, env: NodeJS.ProcessEnv, check: (written: Written) => Config): Config {
  try {
    const content: unknown = parseYaml(readFileSync(path, 'utf8'), env) ?? {};
    if (!isWritten(content)) throw new Unusable('expected keys and values');
    return check(content);
  } catch (error) {
    const reason = showVariables(error instanceof Error ? error.message : String(error));
    throw new UserError('config-unreadable', `The configuration file ${path} cannot be used: ${reason}`, {
      hint: 'Correct the file named by VCDEMO_CONFIG; docs/configuration.md explains every key.',
      cause: error,
    });
  }
}

/** Everything that is wrong with a configuration. */
class Unusable extends Error {}

type Parsed<Config> = { config: Config } | { problems: string[] } | { unset: string[] };

/** The settings of a host cluster: its own keys entirely replace those at the top. Without a name, those at the top. */
function parseFor(written: Written, name: string | undefined): Parsed<DemoConfig> {
  const common = { ...written, ...clusterNames(written) };
  if (name === undefined) return parse(demoConfig, common);
  const differences = clustersIn(written)[name] ?? {};
  const own = parse(hostClusterConfig.partial(), differences, ['clusters', name]);
  return 'config' in own ? parse(demoConfig, { ...common, ...differences }) : own;
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, at: string[] = []): Parsed<z.output<Schema>> {
  const unset = variablesIn(value);
  if (unset.length > 0) return { unset };
  const parsed = schema.safeParse(value);
  return parsed.success ? { config: parsed.data } : { problems: problemsOf(parsed.error, at) };
}

/**
 * The first of several, if all of them are right.
 * @throws Unusable with every problem, without duplicates
 */
function firstOf<Config>(parsed: Parsed<Config>[]): Config {
  const unset = new Set(parsed.flatMap((each) => ('unset' in each ? each.unset : [])));
  if (unset.size > 0)
    throw new Unusable(
      `it uses ${[...unset].join(', ')}, but the environment does not set ${unset.size === 1 ? 'it' : 'them'}`,
    );
  const problems = new Set(parsed.flatMap((each) => ('problems' in each ? each.problems : [])));
  if (problems.size > 0) throw new Unusable([...problems].join('; '));
  const [first] = parsed.flatMap((each) => ('config' in each ? [each.config] : []));
  if (first === undefined) throw new Unusable('it is empty');
  return first;
}

function problemsOf(error: z.ZodError, at: string[]): string[] {
  return error.issues.map(({ path, message }) => {
    const place = [...at, ...path].join('.');
    return place === '' ? message : `${place}: ${message}`;
  });
}

const clustersIn = ({ clusters }: Written): Written => (isWritten(clusters) ? clusters : {});

/** `clusters` without their contents; unchanged if it is not a map, which the schema refuses. */
function clusterNames(written: Written): Written {
  if (written.clusters !== null && typeof written.clusters !== 'object') return { clusters: written.clusters };
  if (Array.isArray(written.clusters)) return { clusters: written.clusters };
  return { clusters: Object.fromEntries(Object.keys(clustersIn(written)).map((name) => [name, null])) };
}

function withChartFileFrom(directory: string, config: DemoConfig): DemoConfig {
  const { chart } = config.vcluster;
  return chart.startsWith('.')
    ? { ...config, vcluster: { ...config.vcluster, chart: resolve(directory, chart) } }
    : config;
}

import { readFileSync } from 'node:fs';
import { resolve, dirname } from 'node:path';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { UserError } from '../errors.js';
import { demoConfig, type DemoConfig } from './schema.js';

/**
 * Reads and checks the YAML file; without a path, the defaults.
 * `${NAME}` in it is replaced by the environment's variable; a relative chart file is looked up beside the file.
 * With `hostCluster` the settings are those of that one of its `clusters`.
 * @throws UserError `config-unreadable` with the path and every problem.
 */
export function readConfigFile(path: string | undefined, env: NodeJS.ProcessEnv, hostCluster?: string): DemoConfig {
  if (path === undefined) return demoConfig.parse({});
  const unreadable = (reason: string, cause?: unknown) =>
    new UserError('config-unreadable', `The configuration file ${path} cannot be used: ${reason}`, {
      hint: 'Correct the file that VCDEMO_CONFIG names; every key is explained in docs/configuration.md.',
      cause,
    });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : String(error), error);
  }
  const unset = new Set<string>();
  const expanded = text.replace(/^\s*#.*$|\$\{(\w+)\}/gm, (match, name?: string) => {
    if (name === undefined) return match;
    if (env[name] === undefined) unset.add(name);
    return env[name] ?? '';
  });
  if (unset.size > 0) throw unreadable(`it uses ${[...unset].join(', ')}, which the environment does not set`);
  const document = parseDocument(expanded);
  const [syntaxError] = document.errors;
  if (syntaxError !== undefined) throw unreadable(syntaxError.message, syntaxError);
  const written = (document.toJS() ?? {}) as Record<string, unknown>;
  const parsed = demoConfig.safeParse(written);
  if (!parsed.success) throw unreadable(problemsOf(parsed.error).join('; '));
  const { clusters } = parsed.data;
  const differing = clusters.map((name) => ({ name, ...settingsOf(written, name) }));
  const problems = differing.flatMap(({ name, problems }) => problems.map((each) => `clusters.${name}.${each}`));
  if (problems.length > 0) throw unreadable(problems.join('; '));
  const own = differing.find(({ name }) => name === hostCluster)?.config;
  return withChartFileFrom(dirname(path), own && hostCluster ? { ...own, hostCluster } : parsed.data);
}

/** The settings with those keys replaced, whole, in which a host cluster differs. */
function settingsOf(written: Record<string, unknown>, name: string): { config?: DemoConfig; problems: string[] } {
  const differences = (written.clusters as Record<string, object | null>)[name];
  const parsed = demoConfig.safeParse({ ...written, ...differences });
  return parsed.success ? { config: parsed.data, problems: [] } : { problems: problemsOf(parsed.error) };
}

function withChartFileFrom(directory: string, config: DemoConfig): DemoConfig {
  const { chart } = config.vcluster;
  return chart.startsWith('.')
    ? { ...config, vcluster: { ...config.vcluster, chart: resolve(directory, chart) } }
    : config;
}

function problemsOf(error: z.ZodError): string[] {
  return error.issues.map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message));
}

import { readFileSync } from 'node:fs';
import { resolve, dirname } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { UserError } from './errors.js';
import { parseDuration } from './duration.js';

/*
 * Settings of the processes come from the environment, everything about demos from the YAML file that VCDEMO_CONFIG
 * names. This is the only reader of process.env. All problems are reported together.
 */

// ------------------------------------------------------------------ the YAML file

const duration = z.string().transform((text, context) => {
  const parsed = parseDuration(text);
  if (parsed === undefined) context.addIssue('expected a duration such as 8h, 90m or 2d');
  return parsed ?? 0;
});

/** Values that are handed on as they are: Helm values, parts of an IstioOperator. */
const freeform = z.record(z.string(), z.unknown());
const stringMap = z.record(z.string(), z.string());
const slackIds = z.array(z.string().regex(/^[A-Z0-9]{2,}$/, 'expected a Slack id such as U012AB3CD'));
const hostTemplate = z
  .string()
  .refine((text) => ['{demo}', '{cluster}'].every((part) => text.includes(part)), 'must contain {demo} and {cluster}');

/** Where the ingress controller listens, for kubeconfigs that work without DNS: they name the host beside it. */
const address = z
  .string()
  .regex(/^[\w.-]+:\d{1,5}$/, 'expected host:port')
  .optional();

/** Part of the names of queues. */
const hostClusterName = z.string().regex(/^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$/, 'expected a name such as eu-1');

const exposure = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('traefik'), entryPoint: z.string().default('websecure'), address }),
  z.strictObject({ kind: z.literal('nginx'), ingressClassName: z.string().default('nginx'), address }),
  z.strictObject({
    kind: z.literal('gateway'),
    address,
    gateway: z.strictObject({ name: z.string(), namespace: z.string(), sectionName: z.string().optional() }),
  }),
  z.strictObject({ kind: z.literal('none') }),
]);

/** What may differ from host cluster to host cluster. */
const hostClusterConfig = z.strictObject({
  domain: z.string().default('vcdemo.example.com'),
  hosts: z
    .strictObject({
      api: hostTemplate.default('{demo}-{cluster}.{domain}'),
      dashboard: hostTemplate.default('{demo}-{cluster}-dashboard.{domain}'),
      app: hostTemplate.default('{demo}-{cluster}-helloworld.{domain}'),
    })
    .prefault({}),
  exposure: exposure.default({ kind: 'traefik', entryPoint: 'websecure' }),
  namespace: z.strictObject({ labels: stringMap.default({}), annotations: stringMap.default({}) }).prefault({}),
  vcluster: z
    .strictObject({
      chart: z.string().default('vcluster'),
      repository: z.url().optional(),
      version: z
        .string()
        .regex(/^v?\d+\.\d+\.\d+/, 'expected a version such as 0.34.0')
        .default('0.34.0'),
      values: freeform.default({}),
    })
    .prefault({ repository: 'https://charts.loft.sh' }),
  istio: z
    .strictObject({
      hub: z.string().default('docker.io/istio'),
      tag: z.string().default('1.30.0'),
      operator: freeform.default({}),
    })
    .prefault({}),
  images: z
    .strictObject({
      helloworldV1: z.string().default('docker.io/istio/examples-helloworld-v1:1.0'),
      helloworldV2: z.string().default('docker.io/istio/examples-helloworld-v2:1.0'),
      sleep: z.string().default('docker.io/curlimages/curl:8.16.0'),
      client: z.string().default('docker.io/alpine/k8s:1.33.4'),
      dashboard: z.string().default('docker.io/kubernetesui/dashboard:v2.7.0'),
    })
    .prefault({}),
  dashboard: z.strictObject({ enabled: z.boolean().default(true) }).prefault({}),
  helloworld: z
    .strictObject({
      ingress: z.strictObject({ enabled: z.boolean().default(false), className: z.string().optional() }).prefault({}),
    })
    .prefault({}),
  /** For hosts that are slower than most: multiplies the deadline of every step. */
  stepDeadlineFactor: z.number().positive().default(1),
});

const demoConfig = hostClusterConfig.extend({
  ttl: z.strictObject({ default: duration.prefault('8h'), max: duration.prefault('3d') }).prefault({}),
  access: z
    .strictObject({
      users: slackIds.default([]),
      channels: slackIds.default([]),
      admins: slackIds.default([]),
    })
    .prefault({}),
  /** Host clusters by name, each with the keys in which it differs from those above. The first is the default. */
  clusters: z
    .record(hostClusterName, z.partialRecord(hostClusterConfig.keyof(), z.unknown()).nullable())
    .default({})
    .transform((clusters) => Object.keys(clusters)),
});

/** Everything about demos; see docs/configuration.md for each key. */
export type DemoConfig = z.output<typeof demoConfig> & {
  /** The one of `clusters` whose settings these are; undefined where there is but one host cluster, and in the bot. */
  hostCluster?: string;
};

/**
 * Reads and checks the YAML file; without a path, the defaults.
 * `${NAME}` in it is replaced by the environment's variable; a relative chart file is looked up beside the file.
 * With `hostCluster` the settings are those of that one of its `clusters`.
 * @throws UserError `config-unreadable` with the path and every problem.
 */
export function readDemoConfig(
  path: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
  hostCluster?: string,
): DemoConfig {
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

// ------------------------------------------------------------------ the environment

const port = z.coerce.number().int().min(0).max(65535);
const slackToken = (prefix: string) => z.string().startsWith(prefix, `must start with ${prefix}`);

const common = {
  SLACK_BOT_TOKEN: slackToken('xoxb-'),
  SLACK_API_URL: z.url().optional(),
  REDIS_URL: z.url({ protocol: /^rediss?$/, error: 'expected redis://host:port or rediss://host:port' }),
  REDIS_CA: z.string().includes('BEGIN CERTIFICATE', { error: 'expected a certificate in PEM' }).optional(),
  VCDEMO_CONFIG: z.string().optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url().optional(),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
};

/** Without it, zod looks at the object as a whole only when each of its values is right. */
const always = () => true;

/** How the queue is reached. */
export interface RedisSettings {
  REDIS_URL: string;
  /** PEM of the authority that signed the server's certificate, where the system does not know it. */
  REDIS_CA?: string | undefined;
}

const botEnvironment = z
  .object({
    ...common,
    SLACK_MODE: z.enum(['http', 'socket']).default('http'),
    SLACK_SIGNING_SECRET: z.string().min(1).optional(),
    SLACK_APP_TOKEN: slackToken('xapp-').optional(),
    PORT: port.default(3000),
  })
  .refine(({ SLACK_MODE, SLACK_SIGNING_SECRET }) => SLACK_MODE === 'socket' || SLACK_SIGNING_SECRET !== undefined, {
    path: ['SLACK_SIGNING_SECRET'],
    message: 'is required when SLACK_MODE is http',
    when: always,
  })
  .refine(({ SLACK_MODE, SLACK_APP_TOKEN }) => SLACK_MODE !== 'socket' || SLACK_APP_TOKEN !== undefined, {
    path: ['SLACK_APP_TOKEN'],
    message: 'is required when SLACK_MODE is socket',
    when: always,
  });

const workerEnvironment = z.object({
  ...common,
  WORKER_PORT: port.default(3001),
  WORKER_STOP_SECONDS: z.coerce.number().int().min(1).max(600).default(20),
  WORKER_CONCURRENCY: z.coerce.number().int().min(1).max(50).default(4),
  HOST_CLUSTER: z.string().optional(),
  KUBECONFIG: z.string().optional(),
  KUBERNETES_SERVICE_HOST: z.string().optional(),
  /** The ClusterRole with what a worker needs in the demos' namespaces; unset, its rights are cluster-wide. */
  DEMO_CLUSTER_ROLE: z.string().optional(),
});

/** Of `npm run queue-ui`. */
const queueEnvironment = z.object({
  REDIS_URL: common.REDIS_URL,
  REDIS_CA: common.REDIS_CA,
  QUEUE_UI_PORT: port.default(3002),
});

export type BotSettings = z.output<typeof botEnvironment> & { demoConfig: DemoConfig };
export type WorkerSettings = z.output<typeof workerEnvironment> & { demoConfig: DemoConfig };
export type QueueSettings = z.output<typeof queueEnvironment> & { demoConfig: DemoConfig };

/** @throws UserError `settings-invalid` that lists every problem of the environment and the configuration file. */
export function readBotSettings(env: NodeJS.ProcessEnv = process.env): BotSettings {
  return readSettings(botEnvironment, env);
}

/** @throws UserError `settings-invalid` that lists every problem of the environment and the configuration file. */
export function readWorkerSettings(env: NodeJS.ProcessEnv = process.env): WorkerSettings {
  return readSettings(workerEnvironment, env, ({ HOST_CLUSTER }, { clusters }) => {
    if (HOST_CLUSTER !== undefined && !clusters.includes(HOST_CLUSTER))
      return [
        `HOST_CLUSTER is ${HOST_CLUSTER}, which is not among the configuration's clusters (${clusters.join(', ') || 'it has none'})`,
      ];
    if (HOST_CLUSTER === undefined && clusters.length > 0)
      return [`HOST_CLUSTER is not set: the configuration has the clusters ${clusters.join(', ')}`];
    return [];
  });
}

/** @throws UserError `settings-invalid` that lists every problem of the environment and the configuration file. */
export function readQueueSettings(env: NodeJS.ProcessEnv = process.env): QueueSettings {
  return readSettings(queueEnvironment, env);
}

function readSettings<Settings extends object>(
  schema: z.ZodType<Settings>,
  env: NodeJS.ProcessEnv,
  problemsBetween: (settings: Settings, demoConfig: DemoConfig) => string[] = () => [],
) {
  const problems: string[] = [];
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (!parsed.success)
    problems.push(
      ...parsed.error.issues.map(
        ({ path, message }) => `${path.join('.')} ${isUnset(given, path) ? 'is not set' : message}`,
      ),
    );
  let demoConfig: DemoConfig | undefined;
  try {
    demoConfig = readDemoConfig(given.VCDEMO_CONFIG, env, given.HOST_CLUSTER);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.push(error.message);
  }
  if (parsed.success && demoConfig !== undefined) problems.push(...problemsBetween(parsed.data, demoConfig));
  if (!parsed.success || demoConfig === undefined || problems.length > 0)
    throw new UserError(
      'settings-invalid',
      `These settings must be corrected:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
      {
        hint: 'README.md lists every setting.',
      },
    );
  return { ...parsed.data, demoConfig };
}

function isUnset(given: Record<string, unknown>, path: PropertyKey[]): boolean {
  return (
    path.length === 1 && given[String(path[0])] === undefined && !String(path[0]).match(/SIGNING_SECRET|APP_TOKEN/)
  );
}

/** What helm and istioctl are started with: the environment without the secrets that are vcdemo's own. */
export function toolEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(SLACK|REDIS|OTEL)_/.test(name)));
}

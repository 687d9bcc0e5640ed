import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { childEnvironment, forbiddenNames } from './child-environment.js';
import { UserError } from './errors.js';
import { readConfigFile, readSharedConfig } from './config/file.js';
import type { DemoConfig, SharedConfig } from './config/schema.js';
import { redisUrlProblem } from './redis/address.js';

/*
 * Settings of the processes come from the environment. Everything about demos comes from the YAML file named by
 * VCDEMO_CONFIG, whose keys are in config/schema.ts. Only this file reads process.env. All problems are reported together.
 */

export { shortestTtlMs, type DemoConfig, type SharedConfig } from './config/schema.js';
export type { RedisSettings } from './redis/address.js';

/** @see readConfigFile */
export function readDemoConfig(
  path: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
  hostCluster?: string,
): DemoConfig {
  return readConfigFile(path, env, hostCluster);
}

const port = z.coerce.number().int().min(0).max(65535);
const slackToken = (prefix: string) => z.string().startsWith(prefix, `must start with ${prefix}`);

const redis = {
  REDIS_URL: z.string().refine((url) => redisUrlProblem(url) === undefined, {
    error: ({ input }) => redisUrlProblem(String(input)),
  }),
  REDIS_CA: z.string().refine(hasCertificates, 'expected PEM certificates').optional(),
  REDIS_SENTINEL_USERNAME: z.string().optional(),
  REDIS_SENTINEL_PASSWORD: z.string().optional(),
};

const proxy = z.string().refine(isProxy, 'expected http://host:port');

/** How to reach the outside world. */
const network = {
  HTTPS_PROXY: proxy.optional(),
  HTTP_PROXY: proxy.optional(),
  NO_PROXY: z.string().optional(),
  NODE_EXTRA_CA_CERTS: z
    .string()
    .refine(isCertificateFile, 'names a file that cannot be read, or has no PEM certificates')
    .optional(),
};

function isProxy(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** Node itself only warns, and continues without the certificates. */
function isCertificateFile(path: string): boolean {
  try {
    return hasCertificates(readFileSync(path, 'utf8'));
  } catch {
    return false;
  }
}

function hasCertificates(text: string): boolean {
  const certificates =
    text.match(/-----BEGIN (TRUSTED )?CERTIFICATE-----[^-]*-----END (TRUSTED )?CERTIFICATE-----/g) ?? [];
  try {
    return certificates.map((pem) => new X509Certificate(pem)).length > 0;
  } catch {
    return false;
  }
}

const webAddress = z.url({ protocol: /^https?$/, error: 'expected https://host' });

const common = {
  ...network,
  SLACK_BOT_TOKEN: slackToken('xoxb-'),
  SLACK_API_URL: webAddress.optional(),
  ...redis,
  VCDEMO_CONFIG: z.string().optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: webAddress.optional(),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
};

/** Without it, zod checks the object as a whole only if all of its values are valid. */
const always = () => true;

/** Too long to be guessed; `openssl rand -hex 32` creates one. */
const secretKey = z.string().min(32, 'must have at least 32 characters');

const botEnvironment = z
  .object({
    ...common,
    JOB_SIGNING_KEY: secretKey,
    SLACK_MODE: z.enum(['http', 'socket']).default('http'),
    SLACK_SIGNING_SECRET: z.string().min(1).optional(),
    SLACK_APP_TOKEN: slackToken('xapp-').optional(),
    SLACK_TEAM_ID: z
      .string()
      .regex(/^[TE][A-Z0-9]{2,}$/, 'expected the ID of a workspace or an organization, such as T012AB3CD')
      .optional(),
    SLACK_APP_ID: z
      .string()
      .regex(/^A[A-Z0-9]{2,}$/, 'expected the ID of an app, such as A012AB3CD')
      .optional(),
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
  /** The first one signs the jobs that workers enqueue; all of them are accepted. */
  JOB_KEYS: z
    .string()
    .transform((keys) => keys.split(',').map((key) => key.trim()))
    .pipe(z.tuple([secretKey], secretKey).refine((keys) => keys.length <= 3, 'has more than three keys')),
  WORKER_PORT: port.default(3001),
  WORKER_STOP_SECONDS: z.coerce.number().int().min(1).max(600).default(20),
  WORKER_CONCURRENCY: z.coerce.number().int().min(1).max(50).default(4),
  HOST_CLUSTER: z.string().optional(),
  KUBECONFIG: z.string().optional(),
  KUBERNETES_SERVICE_HOST: z.string().optional(),
  KUBERNETES_SERVICE_PORT: z.string().optional(),
  /** The ClusterRole with what a worker needs in the demos' namespaces; if unset, its permissions are cluster-wide. */
  DEMO_CLUSTER_ROLE: z.string().optional(),
  /** Variables that helm, istioctl and credential plugins get in addition to those of `childEnvironment`. */
  PASS_ENVIRONMENT: z
    .string()
    .regex(/^[\w*,\s]*$/, 'expected names of variables, separated by commas')
    .refine((value) => forbiddenNames(value).length === 0, {
      error: ({ input }) =>
        `must not name ${forbiddenNames(String(input)).join(', ')}: vcdemo never passes on its own secrets`,
    })
    .optional(),
});

/** The environment variables that configure bot and worker. */
export const settingNames = Object.keys({ ...botEnvironment.shape, ...workerEnvironment.shape });

/** For `npm run queue-ui`. */
const queueEnvironment = z.object({
  ...redis,
  QUEUE_UI_PORT: port.default(3002),
});

const policyEnvironment = z.object({
  VCDEMO_CONFIG: common.VCDEMO_CONFIG,
  HOST_CLUSTER: workerEnvironment.shape.HOST_CLUSTER,
});

export type BotSettings = z.output<typeof botEnvironment> & { demoConfig: SharedConfig };
export type WorkerSettings = z.output<typeof workerEnvironment> & { demoConfig: DemoConfig };
type PolicySettings = z.output<typeof policyEnvironment> & { demoConfig: DemoConfig };
type QueueSettings = z.output<typeof queueEnvironment> & { demoConfig: SharedConfig };

/** @throws UserError `settings-invalid` that lists every problem of the environment and the configuration file. */
export function readBotSettings(env: NodeJS.ProcessEnv = process.env): BotSettings {
  return readSettings(botEnvironment, env, readSharedConfig);
}

/** @throws UserError `settings-invalid` that lists every problem of the environment and the configuration file. */
export function readWorkerSettings(env: NodeJS.ProcessEnv = process.env): WorkerSettings {
  return readSettings(workerEnvironment, env, readConfigFile, hostClusterProblems);
}

/**
 * For `npm run policy`.
 * @throws UserError `settings-invalid` that lists every problem of the environment and the configuration file.
 */
export function readPolicySettings(env: NodeJS.ProcessEnv = process.env): PolicySettings {
  return readSettings(policyEnvironment, env, readConfigFile, hostClusterProblems);
}

function hostClusterProblems(
  { HOST_CLUSTER }: { HOST_CLUSTER?: string | undefined },
  { clusters }: DemoConfig,
): string[] {
  if (HOST_CLUSTER !== undefined && !clusters.includes(HOST_CLUSTER))
    return [
      `HOST_CLUSTER is ${HOST_CLUSTER}, which is not one of the clusters in the configuration (${clusters.join(', ') || 'it has none'})`,
    ];
  if (HOST_CLUSTER === undefined && clusters.length > 0)
    return [`HOST_CLUSTER is not set, but the configuration has several clusters: ${clusters.join(', ')}`];
  return [];
}

/** @throws UserError `settings-invalid` that lists every problem of the environment and the configuration file. */
export function readQueueSettings(env: NodeJS.ProcessEnv = process.env): QueueSettings {
  return readSettings(queueEnvironment, env, readSharedConfig);
}

function readSettings<Settings extends object, Config>(
  schema: z.ZodType<Settings>,
  env: NodeJS.ProcessEnv,
  readConfig: (path: string | undefined, env: NodeJS.ProcessEnv, hostCluster: string | undefined) => Config,
  problemsBetween: (settings: Settings, demoConfig: Config) => string[] = () => [],
): Settings & { demoConfig: Config } {
  const problems: string[] = [];
  // Files that become variables often end with a line break, with which a key or a secret would be another one.
  const trimmed = Object.entries(env).map(([name, value]) => [name, value?.trim()] as const);
  const given: NodeJS.ProcessEnv = {
    ...Object.fromEntries(trimmed.filter(([, value]) => value !== '')),
    ...proxyEnvironment(env),
  };
  const parsed = schema.safeParse(given);
  if (!parsed.success)
    problems.push(
      ...parsed.error.issues.map(
        ({ path, message }) => `${path.join('.')} ${isUnset(given, path) ? 'is not set' : message}`,
      ),
    );
  let demoConfig: Config | undefined;
  try {
    demoConfig = readConfig(given.VCDEMO_CONFIG, env, given.HOST_CLUSTER);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.push(error.message);
  }
  if (parsed.success && demoConfig !== undefined) problems.push(...problemsBetween(parsed.data, demoConfig));
  if (!parsed.success || demoConfig === undefined || problems.length > 0)
    throw new UserError(
      'settings-invalid',
      `These settings are not valid:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
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

export interface ProxyEnvironment {
  /** URLs. */
  HTTPS_PROXY?: string;
  HTTP_PROXY?: string;
  NO_PROXY?: string;
}

/** The proxy variables, in upper or lower case, as helm and kubectl read them. */
export function proxyEnvironment(env: NodeJS.ProcessEnv = process.env): ProxyEnvironment {
  const valueOf = (name: string) => env[name] || env[name.toLowerCase()] || undefined;
  const urlOf = (name: string) => valueOf(name)?.replace(/^(?!.*:\/\/)/, 'http://');
  const found = { HTTPS_PROXY: urlOf('HTTPS_PROXY'), HTTP_PROXY: urlOf('HTTP_PROXY'), NO_PROXY: valueOf('NO_PROXY') };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** The environment of helm, istioctl and credential plugins. @see childEnvironment */
export function toolEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return childEnvironment(env);
}

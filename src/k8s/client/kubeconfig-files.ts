import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, resolve } from 'node:path';
import { parse, YAMLError } from 'yaml';
import * as z from 'zod';
import { messageOf, UserError } from '../../errors.js';

/* The files that KUBECONFIG names, read and merged as kubectl does it. */

const optional = z
  .string()
  .nullish()
  .transform((text) => text || undefined);
const flag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);
const list = <Entry extends z.ZodType>(entry: Entry) =>
  z
    .array(entry)
    .nullish()
    .transform((entries) => entries ?? []);

const clusterEntry = z.object({
  server: optional,
  'certificate-authority': optional,
  'certificate-authority-data': optional,
  'insecure-skip-tls-verify': flag,
  'tls-server-name': optional,
  'proxy-url': optional,
  extensions: list(z.object({ name: z.string(), extension: z.unknown() })),
});

const userEntry = z.object({
  'client-certificate': optional,
  'client-certificate-data': optional,
  'client-key': optional,
  'client-key-data': optional,
  token: optional,
  tokenFile: optional,
  username: optional,
  password: optional,
  as: optional,
  'as-uid': optional,
  'as-groups': list(z.string()),
  'as-user-extra': z
    .record(z.string(), z.array(z.string()))
    .nullish()
    .transform((extra) => extra ?? {}),
  'auth-provider': z.object({ name: z.string(), config: z.record(z.string(), z.string()).nullish() }).nullish(),
  exec: z
    .object({
      command: z.string().min(1),
      args: list(z.string()),
      env: list(z.object({ name: z.string(), value: z.string() })),
      apiVersion: z.string(),
      interactiveMode: z.enum(['Never', 'IfAvailable', 'Always']).nullish(),
      installHint: optional,
      provideClusterInfo: flag,
    })
    .nullish(),
});

const contextEntry = z.object({ cluster: optional, user: optional, namespace: optional });

const kubeconfig = z.object({
  'current-context': optional,
  clusters: list(z.object({ name: z.string(), cluster: clusterEntry.nullish() })),
  contexts: list(z.object({ name: z.string(), context: contextEntry.nullish() })),
  users: list(z.object({ name: z.string(), user: userEntry.nullish() })),
});

export type ClusterEntry = z.output<typeof clusterEntry>;
export type UserEntry = z.output<typeof userEntry>;

/** What several files say together. */
interface Kubeconfig {
  /** Those that exist. */
  files: readonly string[];
  currentContext: string | undefined;
  clusters: Map<string, ClusterEntry>;
  contexts: Map<string, z.output<typeof contextEntry>>;
  users: Map<string, UserEntry>;
}

/**
 * Reads these files, separated as in KUBECONFIG. If several say the same thing, the first wins; files that do not exist are
 * ignored.
 * @throws UserError `no-credentials`
 */
export function readKubeconfig(paths: string): Kubeconfig {
  const named = filesIn(paths);
  const files = named.filter((file) => existsSync(file));
  if (files.length === 0) throw noCredentials(`The kubeconfig ${named.join(' or ')} does not exist`);
  const merged: Kubeconfig = {
    ...{ files, currentContext: undefined },
    ...{ clusters: new Map(), contexts: new Map(), users: new Map() },
  };
  for (const file of files) mergeFile(file, merged);
  return merged;
}

/** The names in KUBECONFIG, of which some may be empty. */
export const filesIn = (paths: string): string[] => [...new Set(paths.split(delimiter).filter(Boolean))];

/** A user without credentials. */
export const emptyUser: UserEntry = userEntry.parse({});

function mergeFile(file: string, merged: Kubeconfig): void {
  const content = parseFile(file);
  merged.currentContext ??= content['current-context'];
  const directory = dirname(file);
  const own = <Entry>(entries: [string, Entry][], into: Map<string, Entry>) => {
    for (const [name, entry] of entries) if (!into.has(name)) into.set(name, entry);
  };
  own(
    content.contexts.map(({ name, context }) => [name, context ?? contextEntry.parse({})]),
    merged.contexts,
  );
  own(
    content.clusters.map(({ name, cluster }) => [name, withPaths(cluster ?? clusterEntry.parse({}), directory)]),
    merged.clusters,
  );
  own(
    content.users.map(({ name, user }) => [name, withPaths(user ?? emptyUser, directory)]),
    merged.users,
  );
}

function parseFile(file: string): z.output<typeof kubeconfig> {
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const reason = error instanceof YAMLError ? syntaxProblem(error) : messageOf(error);
    throw noCredentials(`The host cluster's kubeconfig cannot be read: ${file}: ${reason}`);
  }
  const parsed = kubeconfig.safeParse(content ?? {});
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'its form'}: ${message}`);
  throw noCredentials(`The host cluster's kubeconfig ${file} cannot be used: ${problems.join('; ')}`);
}

/** The parser's own message quotes the file, which contains secrets. */
function syntaxProblem({ code, linePos }: YAMLError): string {
  const where = linePos?.[0];
  const place = where ? ` at line ${where.line}, column ${where.col}` : '';
  return `it is not valid YAML (${code.toLowerCase().replaceAll('_', ' ')})${place}`;
}

/** Paths are relative to the file that names them; a command without a slash is looked up on the PATH. */
function withPaths<Entry extends Partial<ClusterEntry & UserEntry>>(entry: Entry, directory: string): Entry {
  const absolute = (path: string | undefined) => path && resolve(directory, path);
  const { exec } = entry;
  return {
    ...entry,
    'certificate-authority': absolute(entry['certificate-authority']),
    'client-certificate': absolute(entry['client-certificate']),
    'client-key': absolute(entry['client-key']),
    tokenFile: absolute(entry.tokenFile),
    ...(exec?.command.includes('/') && { exec: { ...exec, command: resolve(directory, exec.command) } }),
  };
}

export function noCredentials(reason: string, cause?: unknown): UserError {
  return new UserError('no-credentials', `${reason}.`, {
    hint: 'Set KUBECONFIG to a readable kubeconfig of the host cluster, or run the worker in a pod with a service account.',
    cause,
  });
}

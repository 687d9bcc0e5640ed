import https from 'node:https';
import http from 'node:http';
import { KubeConfig } from '@kubernetes/client-node';
import { UserError, messageOf } from '../errors.js';
import { ApiError, UnreachableError } from './api-errors.js';

/** One Kubernetes API: the host cluster's or a virtual cluster's. */
export interface Cluster {
  /** `host`, `vc1` or `vc2`: for messages. */
  readonly name: string;
  readonly kubeConfig: KubeConfig;
  /** Sends one request; every call of this code base to a Kubernetes API ends here. */
  request<Answer>(call: ApiCall): Promise<Answer>;
  /** What is served under a group and version, such as `v1` or `apps/v1`; asked for once. */
  readonly discovered: Map<string, Promise<ApiResource[]>>;
  /** The same cluster and connections, with another signal or check before each write. */
  with(options: ClusterOptions): Cluster;
  /** Ends idle connections. */
  close(): void;
}

export interface ApiCall {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the root, such as `/api/v1/namespaces`. */
  path: string;
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  /** Of the body; JSON unless said otherwise. */
  contentType?: string;
  accept?: string;
  /** How long its answer may take, ms; 20 s unless said otherwise. */
  withinMs?: number;
}

export interface ApiResource {
  name: string;
  kind: string;
  namespaced: boolean;
}

export interface ClusterOptions {
  /** Ends all requests. */
  signal?: AbortSignal;
  /** Called before every request that writes; throws when writing is no longer allowed. */
  beforeWrite?: () => void;
}

const requestTimeoutMs = 20_000;

/**
 * A cluster whose requests go through connections that are kept: client-node 2 opens a TLS connection for each request,
 * gives no signal and drops fields of custom resource definitions (docs/decisions.md). It authenticates as client-node does.
 */
export function connectCluster(name: string, kubeConfig: KubeConfig, options: ClusterOptions = {}): Cluster {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 12 });
  const discovered = new Map<string, Promise<ApiResource[]>>();
  const server = new URL(kubeConfig.getCurrentCluster()!.server);

  async function send<Answer>(
    { method, path, query, body, contentType, accept, withinMs = requestTimeoutMs }: ApiCall,
    { signal, beforeWrite }: ClusterOptions,
  ): Promise<Answer> {
    if (method !== 'GET') beforeWrite?.();
    const url = new URL(server.href.replace(/\/$/, '') + path);
    for (const [key, value] of Object.entries(query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const requestOptions: https.RequestOptions = {};
    await kubeConfig.applyToHTTPSOptions(requestOptions);
    const payload = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const timeout = AbortSignal.timeout(withinMs);
    try {
      const { status, text } = await exchange(url, payload, {
        ...requestOptions,
        // The agent of client-node is needed behind a proxy only; it keeps no connections.
        agent: kubeConfig.getCurrentCluster()?.proxyUrl
          ? requestOptions.agent
          : url.protocol === 'https:'
            ? agent
            : undefined,
        method,
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        headers: {
          ...requestOptions.headers,
          accept: accept ?? 'application/json',
          ...(payload !== undefined && {
            'content-type': contentType ?? 'application/json',
            'content-length': Buffer.byteLength(payload),
          }),
        },
      });
      if (status >= 400) throw ApiError.from(name, `${method} ${path}`, status, text);
      return (text === '' || accept === 'text/plain' ? text : JSON.parse(text)) as Answer;
    } catch (error) {
      if (error instanceof ApiError) throw error;
      signal?.throwIfAborted();
      const reason = timeout.aborted ? `no answer within ${withinMs / 1000} s` : messageOf(error);
      throw new UnreachableError(name, server.host, reason, { cause: error });
    }
  }

  const clusterWith = (current: ClusterOptions): Cluster => ({
    name,
    kubeConfig,
    request: (call) => send(call, current),
    discovered,
    with: clusterWith,
    close: () => agent.destroy(),
  });
  return clusterWith(options);
}

function exchange(
  url: URL,
  payload: string | undefined,
  options: https.RequestOptions,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const module = url.protocol === 'https:' ? https : http;
    const request = module.request(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    request.on('error', reject);
    request.end(payload);
  });
}

/**
 * The host cluster's credentials: the files that KUBECONFIG names, else the pod's service account.
 * @throws UserError `no-credentials`: client-node itself falls back to http://localhost:8080 without a word.
 */
export function loadHostKubeConfig(environment: { KUBECONFIG?: string; KUBERNETES_SERVICE_HOST?: string }): KubeConfig {
  const kubeConfig = new KubeConfig();
  const hint =
    'Set KUBECONFIG to a readable kubeconfig of the host cluster, or run the worker in a pod with a service account.';
  const failed = (reason: string, cause?: unknown) => new UserError('no-credentials', reason, { hint, cause });
  if (environment.KUBECONFIG) {
    try {
      const [first, ...more] = environment.KUBECONFIG.split(':').filter(Boolean);
      kubeConfig.loadFromFile(first!);
      for (const file of more) {
        const next = new KubeConfig();
        next.loadFromFile(file);
        kubeConfig.mergeConfig(next, true);
      }
    } catch (error) {
      throw failed(`The host cluster's kubeconfig cannot be read: ${messageOf(error)}.`, error);
    }
    if (kubeConfig.getCurrentCluster() === null)
      throw failed(`The kubeconfig ${environment.KUBECONFIG} has no current context with a cluster.`);
  } else if (environment.KUBERNETES_SERVICE_HOST) {
    kubeConfig.loadFromCluster();
  } else {
    throw failed('There are no credentials for a host cluster: KUBECONFIG is not set and this is not a pod.');
  }
  return kubeConfig;
}

/** The namespace that the credentials point at; claims on demos are kept there. */
export function homeNamespace(kubeConfig: KubeConfig): string {
  return kubeConfig.getContextObject(kubeConfig.getCurrentContext())?.namespace ?? 'default';
}

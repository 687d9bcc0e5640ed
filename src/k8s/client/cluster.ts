import https from 'node:https';
import http from 'node:http';
import { costOf } from '../../bytes.js';
import { asError, messageOf } from '../../errors.js';
import { seconds } from '../../duration.js';
import { hasTooManyParts, mostParts } from '../../json.js';
import type { Access, Credential } from './server-access.js';
import { adviceFor } from '../../known-failures.js';
import { ApiError, isUnauthorized, lacksRight, strangerIn, TooMuchError, UnreachableError } from './api-errors.js';
import { certificateProblem } from './certificate-problems.js';
import { pause } from '../check.js';
import { createApiClock, type ApiClock } from './clock.js';
import { retryAfterMs } from '../../retry-after.js';
import { mayHaveHappened, repeatAfter } from './repeats.js';
import { agentFor, headersOf, tlsOptions } from './transport.js';

/** One Kubernetes API: the host cluster's or a virtual cluster's. */
export interface Cluster {
  /** `host`, `vc1` or `vc2`: for messages. */
  readonly name: string;
  readonly access: Access;
  /** Keeps the connections, including those of WebSockets. */
  readonly agent?: http.Agent | undefined;
  /** Sends one request and returns the parsed answer; all calls to Kubernetes APIs go through here. */
  request(call: ApiCall): Promise<unknown>;
  /** What is served under a group and version, such as `v1` or `apps/v1`; fetched once. */
  readonly discovered: Map<string, Promise<ApiResource[]>>;
  /** By the API's clock (clock.ts). */
  now(): Date;
  /** The same cluster and connections, with a different signal or check before each write. */
  with(options: ClusterOptions): Cluster;
  /** Closes idle connections. */
  close(): void;
}

export interface ApiCall {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the root, such as `/api/v1/namespaces`. */
  path: string;
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  /** The type of the body; JSON by default. */
  contentType?: string;
  accept?: string;
  /** How long signing in, the request and its retries may take, ms; 30 s by default. */
  withinMs?: number;
  /**
   * Whether the request is safe to repeat if its answer is lost; by default true for everything but POST. `never` is for
   * callers that retry themselves.
   */
  repeat?: boolean | 'never';
  /** How much of the answer may be read, for callers that share the budget among several requests; 16 MB by default. */
  budget?: { bytes: number };
}

export interface ApiResource {
  name: string;
  kind: string;
  namespaced: boolean;
}

export interface ClusterOptions {
  /** Aborts all requests. */
  signal?: AbortSignal;
  /** Called before every attempt of a request that writes; throws if writing is no longer allowed. */
  beforeWrite?: () => void;
}

const requestDeadlineMs = seconds(30);

/** How many bytes of an answer are read; Kubernetes stores no object above 1.5 MB, and lists are read in pages. */
export const longestAnswer = 16_000_000;

/**
 * A cluster that keeps its connections. A request that is safe to repeat is retried until its deadline: after a lost
 * answer, and if the server is starting, changing its leader or asks to come back later.
 */
export function connectCluster(name: string, access: Access, options: ClusterOptions = {}): Cluster {
  const clock = createApiClock();
  const connection = { name, access, agent: agentFor(access.server), clock };
  const discovered = new Map<string, Promise<ApiResource[]>>();
  const clusterWith = (current: ClusterOptions): Cluster => ({
    ...connection,
    request: (call) => request(connection, call, current),
    discovered,
    now: clock.now,
    with: clusterWith,
    close: () => connection.agent?.destroy(),
  });
  return clusterWith(options);
}

/** What all requests to a cluster have in common. */
type Connection = Pick<Cluster, 'name' | 'access' | 'agent'> & { clock: ApiClock };

async function request(
  connection: Connection,
  call: ApiCall,
  { signal, beforeWrite }: ClusterOptions,
): Promise<unknown> {
  const { method, withinMs = requestDeadlineMs, repeat = method !== 'POST' } = call;
  const until = performance.now() + withinMs;
  const deadline = AbortSignal.timeout(withinMs);
  const bounds = { ended: signal ? AbortSignal.any([signal, deadline]) : deadline, tryMs: Math.ceil(withinMs / 2) };
  let lastError: unknown;
  let mayBeOwnDoing = false;
  let refused: Credential | undefined;
  let isRefusalSure = repeat === 'never' || call.path === readiness.path;
  for (let tries = 1; ; tries++) {
    if (method !== 'GET') beforeWrite?.();
    let credential: Credential | undefined;
    try {
      credential = await connection.access.signIn(bounds.ended, refused);
      return await ask(connection, call, credential, bounds);
    } catch (error) {
      signal?.throwIfAborted();
      // The attempt before one that ran out of time says more.
      if (deadline.aborted && lastError !== undefined) throw lastError;
      if (error instanceof ApiError) error.mayBeOwnDoing = mayBeOwnDoing;
      // Cached credentials may have expired or been revoked: retry once with new ones.
      if (isUnauthorized(error) && !refused) {
        refused = credential;
        continue;
      }
      if (!isRefusalSure && (isUnauthorized(error) || lacksRight(error))) {
        isRefusalSure = true;
        lastError = error;
        await untilServing((question) => request(connection, question, signal ? { signal } : {}), until);
        continue;
      }
      const waitMs = repeat === 'never' ? undefined : repeatAfter(error, tries);
      if (waitMs === undefined || performance.now() + waitMs > until) throw error;
      const isUncertain = mayHaveHappened(error);
      if (isUncertain && !repeat) throw error;
      mayBeOwnDoing ||= isUncertain;
      lastError = error;
      await pause(waitMs, signal);
    }
  }
}

const readiness = { method: 'GET', path: '/readyz', accept: 'text/plain' } as const satisfies ApiCall;

/**
 * Waits until an API server that has just started has read accounts and roles: before, it refuses everybody. Ends without
 * an error if nobody may ask or nothing answers, because what was refused says more when it is tried again.
 * @param until when to stop waiting, by `performance.now()`; 30 s by default
 * @see https://kubernetes.io/docs/reference/using-api/health-checks/
 */
export async function untilServing(
  ask: Cluster['request'],
  until = performance.now() + requestDeadlineMs,
): Promise<void> {
  const withinMs = Math.max(1, Math.round(until - performance.now()));
  await ask({ ...readiness, withinMs }).catch((error: unknown) => {
    if (!(error instanceof ApiError || error instanceof UnreachableError)) throw error;
  });
}

/** Asks once. */
async function ask(
  { name, access, agent, clock }: Connection,
  call: ApiCall,
  credential: Credential,
  { ended, tryMs }: { ended: AbortSignal; tryMs: number },
): Promise<unknown> {
  const { method, path, query, body, contentType, accept, budget = { bytes: longestAnswer } } = call;
  const url = new URL(access.server.url + path);
  for (const [key, value] of Object.entries(query ?? {}))
    if (value !== undefined) url.searchParams.set(key, String(value));
  const payload = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  const timeout = AbortSignal.timeout(tryMs);
  let answer: Answer;
  try {
    answer = await send(url, payload, budget, {
      ...tlsOptions(access.server, credential),
      agent,
      method,
      signal: AbortSignal.any([ended, timeout]),
      headers: {
        ...headersOf(access, credential),
        accept: accept ?? 'application/json',
        ...(payload !== undefined && {
          'content-type': contentType ?? 'application/json',
          'content-length': Buffer.byteLength(payload),
        }),
      },
    });
  } catch (error) {
    if (error instanceof TooMuchError) throw error;
    // If this connection is dead, the other kept connections are dead too.
    if (timeout.aborted) dropIdleConnections(agent);
    const isLate = ended.aborted || timeout.aborted;
    throw await unreachable({ name, access }, error, isLate ? `no answer within ${tryMs / 1000} s` : undefined);
  }
  const { status, text } = answer;
  const stranger = strangerIn(call, answer);
  if (stranger !== undefined)
    throw await unreachable({ name, access }, undefined, `${stranger} (${method} ${path}: ${status})`);
  clock.learn(answer.date);
  if (status >= 400) throw ApiError.from(name, `${method} ${path}`, status, text, answer.retryAfterMs);
  if (accept === 'text/plain') return text;
  if (hasTooManyParts(text)) throw new TooMuchError(`the answer to ${method} ${path}`, `${mostParts} parts`);
  try {
    return JSON.parse(text);
  } catch {
    throw await unreachable({ name, access }, undefined, `the answer is not JSON (${method} ${path}: ${status})`);
  }
}

async function unreachable(
  { name, access }: Pick<Connection, 'name' | 'access'>,
  error: unknown,
  reason = messageOf(error),
): Promise<UnreachableError> {
  const hint = adviceFor(reason);
  const certificates = await certificateProblem(error, name, access.server);
  const { url, proxyUrl } = access.server;
  const through = proxyUrl === undefined ? '' : ` through the proxy ${new URL(proxyUrl).host}`;
  return new UnreachableError(name, `${new URL(url).host}${through}`, reason, {
    cause: error,
    certificates,
    ...(hint && { hint }),
  });
}

function dropIdleConnections(agent: http.Agent | undefined): void {
  for (const sockets of Object.values(agent?.freeSockets ?? {})) sockets?.forEach((socket) => socket.destroy());
}

interface Answer {
  status: number;
  text: string;
  date: string | undefined;
  retryAfterMs: number | undefined;
}

function send(
  url: URL,
  payload: string | undefined,
  budget: { bytes: number },
  options: https.RequestOptions & { signal: AbortSignal },
): Promise<Answer> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    // Node does not say that a request has ended that has no connection yet.
    signal.addEventListener('abort', () => reject(asError(signal.reason)), { once: true });
    const module = url.protocol === 'https:' ? https : http;
    const request = module.request(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        budget.bytes -= costOf(chunk);
        if (budget.bytes >= 0) return;
        const what = `the answer to ${options.method} ${url.pathname}`;
        reject(new TooMuchError(what, `${longestAnswer / 1_000_000} MB`));
        request.destroy();
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          text: Buffer.concat(chunks).toString('utf8'),
          date: response.headers.date,
          retryAfterMs: retryAfterMs(response.headers['retry-after']),
        }),
      );
    });
    request.on('error', reject);
    request.end(payload);
  });
}

/** The default namespace of the credentials; the claims on demos are kept there. */
export const homeNamespace = ({ namespace }: Access): string => namespace ?? 'default';

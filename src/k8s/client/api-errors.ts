import * as z from 'zod';
import { messageOf, UserError } from '../../errors.js';
import { parseJson } from '../../json.js';
import { clip } from '../../redact.js';
import { capitalised } from '../../text.js';
import type { CertificateProblem } from './certificate-problems.js';

/** A Kubernetes API answered with an error. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** How long the server asks clients to wait, ms. */
  readonly retryAfterMs: number | undefined;
  /** An earlier attempt, whose answer was lost, may have done what this attempt was refused. */
  mayBeOwnDoing = false;

  constructor(
    readonly cluster: string,
    /** HTTP status. */
    readonly status: number,
    /** Kubernetes' reason in CamelCase, such as `NotFound`; empty if the answer had none. */
    readonly reason: string,
    message: string,
    { retryAfterMs }: { retryAfterMs?: number | undefined } = {},
  ) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }

  static from(cluster: string, call: string, status: number, body: string, retryAfterMs?: number): ApiError {
    const answer = parseStatus(body);
    const said = answer ? clip(answer.message, 2000) : (pageIn(body) ?? (isRefusal(status) ? elsewhere(body) : ''));
    const message = said || clip(body, 200) || `status ${status}`;
    return new ApiError(
      cluster,
      status,
      answer?.reason ?? '',
      `${cluster}: ${message} (${call.split('?')[0]}: ${status})`,
      { retryAfterMs },
    );
  }
}

/** A Kubernetes API did not answer. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
  /** What people can do about it. */
  readonly hint: string;
  /** One of the sides does not accept the other's certificate. */
  readonly isAboutCertificates: boolean;

  constructor(
    readonly cluster: string,
    host: string,
    reason: string,
    { cause, certificates, hint }: { cause?: unknown; certificates?: CertificateProblem | undefined; hint?: string },
  ) {
    const api = cluster === 'host' ? 'the host cluster' : cluster;
    super(
      certificates
        ? `the API of ${api} at ${host} cannot be used: ${certificates.says}`
        : `the API of ${api} at ${host} cannot be reached: ${reason}`,
      { cause },
    );
    this.hint =
      certificates?.hint ?? hint ?? 'Check that the cluster is up and that the worker can reach it, then try again.';
    this.isAboutCertificates = certificates !== undefined;
  }
}

/** What a step needs does not exist or is not ready yet; a later check may succeed. */
export class NotYet extends Error {
  override readonly name: string = 'NotYet';
}

/** A connection to a container or port was lost or could not be opened. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** A Kubernetes API did not answer helm. */
export class ToolLostApi extends UserError {}

/** A Kubernetes API refused helm for who the worker is. */
export class ToolRefused extends UserError {}

/** An answer, or the output of a command, is larger than the worker accepts. */
export class TooMuchError extends UserError {
  constructor(what: string, limit: string) {
    super('too-much', `${capitalised(what)} exceeds ${limit} and was not read.`, {
      hint: 'Find what fills it and remove it: the administrator of a demo can create very many or very large objects.',
    });
  }
}

const statusAnswer = z.object({ reason: z.string().catch(''), message: z.string().catch('') });

/** Kubernetes' Status; undefined if something else answered, such as a proxy. */
const parseStatus = (body: string): z.output<typeof statusAnswer> | undefined =>
  statusAnswer.safeParse(parseJson(body)).data;

/**
 * What a proxy, a load balancer or a login page answered in place of Kubernetes, where it could be taken for an answer of
 * Kubernetes, such as that an object does not exist; undefined otherwise.
 */
export function strangerIn(
  { path, accept }: { path: string; accept?: string | undefined },
  { status, text }: { status: number; text: string },
): string | undefined {
  if (status >= 300 && status < 400) return pageIn(text) ?? 'a redirect came back instead of an answer from Kubernetes';
  const isUnknownGroup = extensionGroup.test(path) && /^404 page not found\s*$/.test(text);
  if (status === 404 && !isUnknownGroup && !isStatus(text)) return pageIn(text) ?? elsewhere(text);
  if (status >= 400 || accept === 'text/plain') return undefined;
  return text === '' ? 'the answer is empty' : pageIn(text);
}

/** Kubernetes itself says in a Status why it refuses a request. */
const isRefusal = (status: number) => status >= 400 && status < 500 && status !== 404 && !tooEarlyOrTooMany.has(status);

function elsewhere(body: string): string {
  const said = clip(body.trim(), 200);
  return `something else came back instead of an answer from Kubernetes${said && `: ${said}`}`;
}

const isStatus = (body: string) => z.object({ kind: z.literal('Status') }).safeParse(parseJson(body)).success;
/** A group that Kubernetes may not serve, which it says in plain text: any but its own, such as `apps` and `storage.k8s.io`. */
const extensionGroup = /^\/apis\/(?![\w-]+(\.k8s\.io)?\/|rbac\.authorization\.k8s\.io\/)[\w.-]+\/\w+$/;

/** The title of a page; undefined if it is none. */
function pageIn(body: string): string | undefined {
  const start = body.slice(0, 4_000);
  if (!/^\s*</.test(start)) return undefined;
  const title = /<title>([^<]{1,200})/i.exec(start)?.[1] ?? start.replaceAll(/<[^<>]*>?/g, ' ');
  const said = clip(title.replaceAll(/\s+/g, ' ').trim(), 200);
  return `a web page came back instead of an answer from Kubernetes${said && `: ${said}`}`;
}

export const isUnauthorized = (error: unknown) => error instanceof ApiError && error.status === 401;
export const isNotFound = (error: unknown) => error instanceof ApiError && error.status === 404;
export const isConflict = (error: unknown) => error instanceof ApiError && error.status === 409;
/** The object was changed or deleted since it was read. */
export const isOvertaken = (error: unknown) => isConflict(error) || isNotFound(error);

/**
 * The authorizer refused. Admission also answers 403, but with other words: `pods "x" is forbidden: violates PodSecurity`.
 * @see https://pkg.go.dev/k8s.io/apiserver/pkg/endpoints/handlers/responsewriters#Forbidden
 */
export const lacksRight = (error: unknown) =>
  error instanceof ApiError && error.status === 403 && /User "[^"]*" cannot \w+ resource/.test(error.message);

/**
 * Whether the API is away, so that nothing can be done meanwhile. A webhook that does not answer may answer later, but
 * somebody has to look after it.
 */
export const isOutage = (error: unknown): boolean =>
  isPassing(error) && !messageOf(error).includes('failed calling webhook');

/** Whether waiting may help: no answer, too many requests, a server that is starting or failing, a part that comes later. */
export function isPassing(error: unknown): boolean {
  // The host's certificates do not fix themselves; a virtual cluster that is starting may still get others.
  if (error instanceof UnreachableError) return !(error.isAboutCertificates && error.cluster === 'host');
  if (error instanceof ToolLostApi || error instanceof ConnectionLost || error instanceof NotYet) return true;
  return error instanceof ApiError && (isUnserved(error) || error.status >= 500);
}

const tooEarlyOrTooMany: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * Whether the request was not carried out because it came too slowly, too early, or with too many others. Admission that
 * has just started refuses like a policy, in words of its own.
 * @see https://pkg.go.dev/k8s.io/apiserver/pkg/admission#Handler.WaitForReady
 */
export const isUnserved = ({ status, message }: ApiError): boolean =>
  tooEarlyOrTooMany.has(status) || (status === 403 && message.includes('not yet ready to handle request'));

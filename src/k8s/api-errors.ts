import { z } from 'zod';
import { clip } from '../redact.js';

/** A Kubernetes API said no. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly cluster: string,
    /** HTTP status. */
    readonly status: number,
    /** Kubernetes' reason in CamelCase, such as `NotFound`; empty where the answer had none. */
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }

  static from(cluster: string, call: string, status: number, body: string): ApiError {
    const answer = parseStatus(body);
    const message = clip(answer?.message ?? '', 2000) || clip(body, 200) || `status ${status}`;
    return new ApiError(
      cluster,
      status,
      answer?.reason ?? '',
      `${cluster}: ${message} (${call.split('?')[0]}: ${status})`,
    );
  }
}

/** A Kubernetes API did not answer. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';

  constructor(
    readonly cluster: string,
    host: string,
    reason: string,
    options: ErrorOptions,
  ) {
    super(
      `the API of ${cluster === 'host' ? 'the host cluster' : cluster} at ${host} cannot be reached: ${reason}`,
      options,
    );
  }
}

const statusAnswer = z.object({ reason: z.string().catch(''), message: z.string().catch('') });

/** Kubernetes' Status; undefined where something else answered, such as a proxy. */
function parseStatus(body: string): z.output<typeof statusAnswer> | undefined {
  try {
    return statusAnswer.parse(JSON.parse(body));
  } catch {
    return undefined;
  }
}

export const isNotFound = (error: unknown) => error instanceof ApiError && error.status === 404;
export const isConflict = (error: unknown) => error instanceof ApiError && error.status === 409;

/**
 * The authoriser said no. Admission answers 403 as well, in other words: `pods "x" is forbidden: violates PodSecurity`.
 * @see https://pkg.go.dev/k8s.io/apiserver/pkg/endpoints/handlers/responsewriters#Forbidden
 */
export const lacksRight = (error: unknown) =>
  error instanceof ApiError && error.status === 403 && /User "[^"]*" cannot \w+ resource/.test(error.message);

/** What a wait may sit out: no answer, too many requests, or a server that is starting or broken. */
export function isPassing(error: unknown): boolean {
  return (
    error instanceof UnreachableError || (error instanceof ApiError && (error.status === 429 || error.status >= 500))
  );
}

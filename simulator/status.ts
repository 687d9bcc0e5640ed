/** An error in the words of the API server. */
export class StatusError extends Error {
  override readonly name = 'StatusError';

  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
    readonly details?: Record<string, unknown>,
  ) {
    super(message);
  }

  /** The body that goes with the status code. */
  get body(): Record<string, unknown> {
    const { message, reason, details, code } = this;
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      ...(details && { details }),
      code,
    };
  }
}

/** `secrets` means the core group, `deployments.apps` the group `apps`. */
export type GroupResource = string;

function detailsOf(resource: GroupResource, name: string, more: object = {}): Record<string, unknown> {
  const [kind, ...group] = resource.split('.');
  return { name, ...(group.length > 0 && { group: group.join('.') }), kind, ...more };
}

export const notFound = (resource: GroupResource, name: string) =>
  new StatusError(404, 'NotFound', `${resource} "${name}" not found`, detailsOf(resource, name));

/** The path leads nowhere: the group, version or kind does not exist. */
export const noSuchPath = () =>
  new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});

export const alreadyExists = (resource: GroupResource, name: string) =>
  new StatusError(409, 'AlreadyExists', `${resource} "${name}" already exists`, detailsOf(resource, name));

export const conflict = (resource: GroupResource, name: string, why: string) => {
  const message = `Operation cannot be fulfilled on ${resource} "${name}": ${why}`;
  return new StatusError(409, 'Conflict', message, detailsOf(resource, name));
};

const changed = 'the object has been modified; please apply your changes to the latest version and try again';
export const modified = (resource: GroupResource, name: string) => conflict(resource, name, changed);

export const forbidden = (resource: GroupResource, name: string, why: string, more?: object) => {
  const what = `${resource}${name && ` "${name}"`}`;
  return new StatusError(403, 'Forbidden', `${what} is forbidden: ${why}`, detailsOf(resource, name, more));
};

/** Each problem is `field: what is wrong`. */
export function invalid(kind: string, name: string, ...problems: string[]): StatusError {
  const listed = problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`;
  const causes = problems.map((problem) => {
    const [field, ...message] = problem.split(': ');
    return { reason: 'FieldValueInvalid', message: message.join(': '), field };
  });
  return new StatusError(422, 'Invalid', `${kind} "${name}" is invalid: ${listed}`, {
    name,
    kind: kind.split('.')[0],
    causes,
  });
}

export const badRequest = (why: string) => new StatusError(400, 'BadRequest', why);
export const unauthorized = () => new StatusError(401, 'Unauthorized', 'Unauthorized');
export const internalError = (why: string) =>
  new StatusError(500, 'InternalError', `Internal error occurred: ${why}`, { causes: [{ message: why }] });

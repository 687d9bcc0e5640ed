import type { JobRequest, Requester } from '../jobs/definitions.js';
import type { ParsedCommand } from './parse.js';

/** A job and the host cluster whose workers are asked; undefined where there is but one. */
export interface ClusterRequest {
  request: JobRequest;
  hostCluster: string | undefined;
}

type CommandWithJobs = Exclude<ParsedCommand, { command: 'help' | 'delete' }>;

/**
 * The jobs of a command. Without `--on`, a demo is created on the first of the clusters, looked for on one after the
 * other, and a list asks all of them.
 */
export function requestsFor(
  parsed: CommandWithJobs,
  requester: Requester,
  clusters: readonly string[],
): ClusterRequest[] {
  const [hostCluster, ...elsewhere] = parsed.on === undefined ? clusters : [parsed.on];
  if (parsed.command === 'list') {
    const asked = parsed.on === undefined && clusters.length > 0 ? clusters : [hostCluster];
    return asked.map((each) => ({ request: { name: 'list', payload: { requester } }, hostCluster: each }));
  }
  return [{ request: requestOn(parsed, requester, elsewhere), hostCluster }];
}

function requestOn(
  parsed: Exclude<CommandWithJobs, { command: 'list' }>,
  requester: Requester,
  elsewhere: string[],
): JobRequest {
  const { demo } = parsed;
  const search = elsewhere.length > 0 ? { elsewhere } : {};
  switch (parsed.command) {
    case 'create':
      return { name: 'create', payload: { requester, demo, ttlMs: parsed.ttlMs } };
    case 'verify':
      return { name: 'verify', payload: { requester, demo, requests: parsed.requests, ...search } };
    default:
      return { name: parsed.command, payload: { requester, demo, ...search } };
  }
}

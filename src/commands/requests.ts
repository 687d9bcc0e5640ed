import { jobs, type JobName, type JobRequest } from './job-payloads.js';
import { commands, type JobCommandName } from './table.js';
import type { Command } from './command.js';
import type { ParsedCommand } from './parse.js';
import type { Requester } from './payload.js';

/** A job and the host cluster whose workers get it; undefined if there is only one. */
interface ClusterRequest {
  request: JobRequest;
  hostCluster: string | undefined;
}

/**
 * The jobs of a command: one, or one for each host cluster if it goes to all of them.
 * @param job what a worker does for it, as `jobOf` says
 */
export function requestsFor(
  { name, demo, ofThread, isUnnamed, person, audience, on, flags }: ParsedCommand & { name: JobCommandName },
  requester: Requester,
  clusters: readonly string[],
  job: JobName = name,
): ClusterRequest[] {
  const { askedOn }: Command = commands[name];
  // In a thread, `create` means the demo above, wherever it is; the default host cluster is last, and creates it if none has it.
  const isSearched = askedOn === 'search' || (askedOn === 'first' && ofThread === true);
  const [first, ...others] = clusters;
  const inTurn = askedOn === 'first' && isSearched && first !== undefined ? [...others, first] : clusters;
  const candidates = on === undefined ? inTurn : [on];
  const asked = askedOn === 'every' && candidates.length > 0 ? candidates : [candidates[0]];
  const meant = { demo, person, audience, ...(ofThread && { ofThread }), ...(isUnnamed && { isUnnamed }) };
  const searched = isSearched && candidates.length > 1 ? { searched: [...candidates] } : {};
  return asked.map((hostCluster) => ({
    request: jobRequest(job, { requester, command: name, ...meant, ...flags, ...searched }),
    hostCluster,
  }));
}

/** A request with a validated payload. */
function jobRequest<Name extends JobName>(name: Name, payload: unknown): JobRequest<Name> {
  return { name, payload: jobs[name].payload.parse(payload) };
}

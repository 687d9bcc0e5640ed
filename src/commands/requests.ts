import { jobs, type JobName, type JobRequest } from './job-payloads.js';
import { commands, type JobCommandName } from './table.js';
import type { Command } from './command.js';
import type { ParsedCommand } from './parse.js';
import type { Requester } from './payload.js';

/** A job and the host cluster whose workers get it; undefined if there is only one. */
export interface ClusterRequest {
  request: JobRequest;
  hostCluster: string | undefined;
}

/**
 * The jobs of a command: one, or one for each host cluster if it goes to all of them.
 * @param isQuestion whether a worker first asks if the command is meant
 */
export function requestsFor(
  { name, demo, ofThread, isUnnamed, person, audience, on, flags }: ParsedCommand & { name: JobCommandName },
  requester: Requester,
  clusters: readonly string[],
  isQuestion = false,
): ClusterRequest[] {
  const { askedOn }: Command = commands[name];
  const candidates = on === undefined ? clusters : [on];
  const asked = askedOn === 'every' && candidates.length > 0 ? candidates : [candidates[0]];
  const meant = { demo, person, audience, ...(ofThread && { ofThread }), ...(isUnnamed && { isUnnamed }) };
  const searched = askedOn === 'search' && candidates.length > 1 ? { searched: [...candidates] } : {};
  const payload = { requester, ...meant, ...searched };
  return asked.map((hostCluster) => ({
    request: isQuestion
      ? jobRequest('question', { ...payload, command: name })
      : jobRequest(name, { ...payload, ...flags }),
    hostCluster,
  }));
}

/** A request with a validated payload. */
function jobRequest<Name extends JobName>(name: Name, payload: unknown): JobRequest<Name> {
  return { name, payload: jobs[name].payload.parse(payload) };
}

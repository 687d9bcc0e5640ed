import { jobs, type JobName, type JobRequest } from './jobs.js';
import { commands, type JobCommandName } from './table.js';
import type { Command } from './command.js';
import type { ParsedCommand } from './parse.js';
import type { Requester } from './payload.js';

/** A job and the host cluster whose workers are asked; undefined where there is just one. */
export interface ClusterRequest {
  request: JobRequest;
  hostCluster: string | undefined;
}

/** The jobs of a command: one, or where it asks every host cluster, one for each. */
export function requestsFor(
  { name, demo, person, on, flags }: ParsedCommand & { name: JobCommandName },
  requester: Requester,
  clusters: readonly string[],
): ClusterRequest[] {
  const { askedOn }: Command = commands[name];
  const candidates = on === undefined ? clusters : [on];
  const asked = askedOn === 'every' && candidates.length > 0 ? candidates : [candidates[0]];
  const searched = askedOn === 'search' && candidates.length > 1 ? { searched: [...candidates] } : {};
  return asked.map((hostCluster) => ({
    request: jobRequest(name, { requester, demo, person, ...flags, ...searched }),
    hostCluster,
  }));
}

/** A request whose payload is checked. */
export function jobRequest(name: JobName, payload: unknown): JobRequest {
  return { name, payload: jobs[name].payload.parse(payload) } as JobRequest;
}

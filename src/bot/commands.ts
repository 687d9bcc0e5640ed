import type { JobName } from '../jobs/definitions.js';

/** A command that a person can type after `/vcdemo`. */
export interface Command {
  /** The job that does it; `help` needs none. */
  job?: JobName;
  usage: string;
  example: string;
  summary: string;
  /** Whether a demo's name may, must or must not be given. */
  demo: 'optional' | 'required' | 'none';
  flags?: readonly FlagName[];
  /** What the person reads at once, while the job waits for a worker. */
  accepted?: (demo: string) => string;
}

export type FlagName = '--ttl' | '--requests' | '--on';

/** Every command, in the order in which help lists them; parsing and help are made from it. */
export const commands = {
  create: {
    job: 'create',
    usage: 'create [name] [--ttl 8h]',
    example: 'create team-a --ttl 4h',
    summary: 'make two virtual clusters with one Istio mesh; of a create that failed: resume it',
    demo: 'optional',
    flags: ['--ttl'],
    accepted: (demo) => `Creating demo *${demo}*. Progress follows in this channel.`,
  },
  kubeconfig: {
    job: 'kubeconfig',
    usage: 'kubeconfig [name]',
    example: 'kubeconfig team-a',
    summary: 'a kubeconfig of your own, with a certificate in your name, as a direct message',
    demo: 'optional',
    accepted: (demo) => `Issuing your certificates for demo *${demo}*. The kubeconfig comes as a direct message.`,
  },
  verify: {
    job: 'verify',
    usage: 'verify [name] [--requests 12]',
    example: 'verify team-a --requests 50',
    summary: 'send requests through the mesh and count which version of helloworld answers',
    demo: 'optional',
    flags: ['--requests'],
    accepted: (demo) => `Verifying the mesh of demo *${demo}*.`,
  },
  status: {
    job: 'status',
    usage: 'status [name]',
    example: 'status team-a',
    summary: 'what of a demo is there and what is not, step by step',
    demo: 'optional',
    accepted: (demo) => `Looking at demo *${demo}*.`,
  },
  list: {
    job: 'list',
    usage: 'list',
    example: 'list',
    summary: 'all demos, their owners and when they expire',
    demo: 'none',
    accepted: () => 'Looking for demos.',
  },
  dashboard: {
    job: 'dashboard',
    usage: 'dashboard [name]',
    example: 'dashboard team-a',
    summary: 'the addresses of the Kubernetes Dashboards and a token for each, for your eyes only',
    demo: 'optional',
    accepted: (demo) => `Fetching the dashboards of demo *${demo}*.`,
  },
  delete: {
    job: 'delete',
    usage: 'delete <name>',
    example: 'delete team-a',
    summary: 'delete a demo and everything in it, after a confirmation',
    demo: 'required',
    accepted: (demo) => `Deleting demo *${demo}*. Progress follows in this channel.`,
  },
  help: {
    usage: 'help [command]',
    example: 'help create',
    summary: 'this text, or more about one command',
    demo: 'none',
  },
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof commands;

/** How a command is written; where there are several host clusters, with the choice of one. */
export function usageOf(name: CommandName, clusters: readonly string[]): string {
  const { usage, job }: Command = commands[name];
  return job && clusters.length > 0 ? `${usage} [--on ${clusters.join('|')}]` : usage;
}

export const defaultDemo = 'demo';
export const defaultRequests = 12;

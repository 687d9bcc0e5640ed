import type { Who } from '../access.js';
import { mrkdwn } from '../mrkdwn.js';
import type { Command } from './command.js';
import type { Topic } from './topics.js';
import { check, every, expectedWeights, requests, restart, shownDemo, stop, ttl } from './flags.js';
import { lifetime, logPart, onOrOff, pairCount, poolAct, reason, virtualCluster } from './words.js';

/**
 * Everything that a person can type after `/vcdemo`, in the order in which help lists it. Parsing, the jobs' payloads,
 * help and the table in the README are derived from this, and so are the buttons: each is a command with its words filled in.
 */
export const commands = {
  create: {
    topic: 'making',
    summary:
      'create two virtual clusters joined by one Istio mesh, or resume a create that failed; `--check` only lists everything that would stop it',
    example: 'create team-a --ttl 4h',
    demo: 'any',
    flags: { ttlMs: ttl, check, restart },
    queue: 'provisioning',
    askedOn: 'first',
    who: 'everybody',
    handsOut: true,
    accepted: (demo, where) =>
      mrkdwn`Creating ${demo === undefined ? 'a demo' : mrkdwn`demo *${demo}*`}. Progress follows in ${where}.`,
  },
  kubeconfig: {
    topic: 'using',
    summary: 'send you your own kubeconfig, with certificates in your name, as a direct message',
    example: 'kubeconfig team-a',
    demo: 'optional',
    flags: {},
    queue: 'verification',
    askedOn: 'search',
    who: 'everybody',
    handsOut: true,
    accepted: (demo) => mrkdwn`Issuing your certificates for demo *${demo}*. The kubeconfig comes as a direct message.`,
  },
  verify: {
    topic: 'using',
    summary: 'send requests through the mesh from both clusters and judge whether both versions of helloworld answer',
    example: 'verify team-a --requests 50',
    demo: 'optional',
    flags: { requests, expect: expectedWeights, every },
    queue: 'verification',
    askedOn: 'search',
    who: 'everybody',
    accepted: (demo) => mrkdwn`Verifying the mesh of demo *${demo}*.`,
  },
  diagnose: {
    topic: 'using',
    summary: 'check the mesh, name the cause of what fails, and attach an archive of evidence for a colleague',
    example: 'diagnose team-a',
    demo: 'optional',
    flags: {},
    queue: 'verification',
    askedOn: 'search',
    who: 'everybody',
    handsOut: true,
    accepted: (demo) => mrkdwn`Diagnosing the mesh of demo *${demo}*.`,
  },
  status: {
    topic: 'using',
    summary: 'check every part of a demo and show what is missing',
    example: 'status team-a',
    demo: 'optional',
    flags: {},
    queue: 'verification',
    askedOn: 'search',
    who: 'viewers',
    accepted: (demo) => mrkdwn`Checking demo *${demo}*.`,
  },
  list: {
    topic: 'using',
    summary: 'list all demos with their owners and expiry times',
    example: 'list',
    demo: 'none',
    flags: {},
    queue: 'verification',
    askedOn: 'every',
    who: 'viewers',
    accepted: () => mrkdwn`Looking for demos.`,
  },
  dashboard: {
    topic: 'using',
    summary: 'show you, and nobody else, the addresses of the Kubernetes Dashboards, with a one-hour token for each',
    example: 'dashboard team-a',
    demo: 'optional',
    flags: {},
    queue: 'verification',
    askedOn: 'search',
    who: 'everybody',
    handsOut: true,
    accepted: (demo) => mrkdwn`Fetching the dashboards of demo *${demo}*.`,
  },
  logs: {
    topic: 'using',
    summary:
      "send you a file with the state of a demo's steps and the logs of its control planes, istiods and gateways",
    example: 'logs team-a istiod vc1',
    demo: 'required',
    words: { part: logPart, cluster: virtualCluster },
    flags: {},
    queue: 'verification',
    askedOn: 'search',
    who: 'everybody',
    handsOut: true,
    accepted: (demo) => mrkdwn`Collecting the logs of demo *${demo}*.`,
  },
  extend: {
    topic: 'ending',
    summary: 'extend the lifetime of a demo; it can expire at most `ttl.max` from now',
    example: 'extend team-a 4h',
    demo: 'required',
    words: { byMs: lifetime },
    flags: {},
    queue: 'verification',
    askedOn: 'search',
    who: 'shared',
    asks: 'where',
    accepted: (demo) => mrkdwn`Extending demo *${demo}*.`,
  },
  pause: {
    topic: 'ending',
    summary: 'stop all pods of a demo, but keep its volumes, objects and keys',
    example: 'pause team-a',
    demo: 'required',
    flags: {},
    queue: 'removal',
    askedOn: 'search',
    who: 'shared',
    asks: 'where',
    accepted: (demo) => mrkdwn`Pausing demo *${demo}*.`,
  },
  resume: {
    topic: 'ending',
    summary: 'start a paused demo again, and prove that it works',
    example: 'resume team-a',
    demo: 'required',
    flags: {},
    queue: 'provisioning',
    askedOn: 'search',
    who: 'shared',
    handsOut: true,
    asks: 'where',
    accepted: (demo, where) => mrkdwn`Resuming demo *${demo}*. Progress follows in ${where}.`,
  },
  cancel: {
    topic: 'making',
    summary:
      'stop the creation of a demo or the replacement of its keys, running or still waiting, or a pause or deletion that still waits; what was created is kept; without a name, it stops your last command',
    example: 'cancel team-a',
    demo: 'any',
    flags: {},
    queue: 'verification',
    askedOn: 'search',
    who: 'owner',
    accepted: (demo) =>
      demo === undefined ? mrkdwn`Cancelling your last command.` : mrkdwn`Cancelling the work on demo *${demo}*.`,
  },
  share: {
    topic: 'people',
    summary: 'let a person, a user group or a channel extend a demo, as its owner can; `--stop` ends that',
    example: 'share team-a @bob',
    demo: 'required',
    audience: 'required',
    flags: { stop },
    queue: 'verification',
    askedOn: 'search',
    who: 'owner',
    handsOut: true,
    asks: 'where',
    accepted: (demo) => mrkdwn`Sharing demo *${demo}*.`,
  },
  transfer: {
    topic: 'people',
    summary: 'make somebody else the owner of a demo',
    example: 'transfer team-a @bob',
    demo: 'required',
    person: 'required',
    flags: {},
    queue: 'verification',
    askedOn: 'search',
    who: 'owner',
    handsOut: true,
    asks: 'where',
    accepted: (demo) => mrkdwn`Transferring demo *${demo}*.`,
  },
  audit: {
    topic: 'people',
    summary: 'show the latest changes to a demo, and who made them',
    example: 'audit team-a',
    demo: 'required',
    flags: {},
    queue: 'verification',
    askedOn: 'search',
    who: 'everybody',
    accepted: (demo) => mrkdwn`Reading the history of demo *${demo}*.`,
  },
  whoami: {
    topic: 'people',
    summary: 'show your role, your limits and your demos',
    example: 'whoami',
    demo: 'none',
    flags: {},
    queue: 'verification',
    askedOn: 'every',
    who: 'viewers',
    accepted: () => mrkdwn`Looking up your role and your demos.`,
  },
  revoke: {
    topic: 'people',
    summary: "revoke one person's access to a demo; without a name, replace all its keys and send out new kubeconfigs",
    example: 'revoke team-a @bob',
    demo: 'required',
    person: 'optional',
    flags: { shown: shownDemo },
    queue: 'provisioning',
    askedOn: 'search',
    who: 'owner',
    handsOut: true,
    asks: 'always',
    accepted: (demo) => mrkdwn`Revoking access to demo *${demo}*.`,
  },
  delete: {
    topic: 'ending',
    summary: 'delete a demo and everything in it, after a confirmation; only its owner and administrators can',
    example: 'delete team-a',
    demo: 'required',
    flags: { shown: shownDemo },
    queue: 'removal',
    askedOn: 'search',
    who: 'owner',
    asks: 'always',
    accepted: (demo, where) => mrkdwn`Deleting demo *${demo}*. Progress follows in ${where}.`,
  },
  maintenance: {
    topic: 'operating',
    summary: 'stop the creation of new demos and say why; without `on` or `off`, show the current state',
    example: 'maintenance on "upgrading until 14:00"',
    demo: 'none',
    words: { state: onOrOff, reason },
    flags: {},
    queue: 'verification',
    askedOn: 'every',
    who: 'admins',
    accepted: () => mrkdwn`Checking maintenance mode.`,
  },
  pool: {
    topic: 'operating',
    summary:
      'show the warm pairs, with which a create takes only seconds; `size` changes how many are kept ready, `drain` deletes them and makes new ones',
    example: 'pool size 3',
    demo: 'none',
    words: { act: poolAct, count: pairCount },
    flags: {},
    queue: 'verification',
    askedOn: 'every',
    who: 'admins',
    accepted: () => mrkdwn`Looking at the pool of warm pairs.`,
  },
  help: {
    topic: 'operating',
    summary: 'show this text, or explain one command',
    example: 'help create',
    demo: 'none',
    flags: {},
    askedOn: 'first',
    who: 'viewers',
  },
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof commands;

/** Commands that workers run. */
export type JobCommandName = {
  [Name in CommandName]: (typeof commands)[Name] extends { queue: string } ? Name : never;
}[CommandName];

/** What `help` can explain. */
export type HelpTopic = CommandName | Topic;

/** Commands that ask before they run, at least if the demo has to be searched for. */
export type AskingCommand = {
  [Name in CommandName]: (typeof commands)[Name] extends { asks: unknown } ? Name : never;
}[CommandName];

export const isCommandName = (name: string): name is CommandName => Object.hasOwn(commands, name);

export const commandNames = Object.keys(commands).filter(isCommandName);

export const isAsking = (name: CommandName): name is AskingCommand => 'asks' in commands[name];

/** The commands that the table reserves to these, in its order; `help` is for whoever can ask. */
export const commandsOf = (...who: readonly Who[]): CommandName[] =>
  commandNames.filter((name) => name !== 'help' && who.includes(commands[name].who));

/** The demo that is meant if none is named. */
export const defaultDemo = 'demo';

/** The usage of a command, with `--on` if there are several host clusters. */
export function usageOf(name: CommandName, clusters: readonly string[] = []): string {
  const { demo, person, audience, words = {}, flags, queue }: Command = commands[name];
  return [
    name,
    ...(name === 'help' ? ['[command or topic]'] : []),
    ...{ optional: ['[name]'], any: ['[name]'], required: ['<name>'], none: [] }[demo],
    ...(person ? [person === 'required' ? '@person' : '[@person]'] : []),
    ...(audience ? ['@person|@group|#channel'] : []),
    ...Object.values(words).map(({ example, isOptional }) => (isOptional ? `[${example}]` : example)),
    ...Object.values(flags)
      .filter(({ isHidden }) => !isHidden)
      .map((flag) => (flag.isSwitch ? `[${flag.name}]` : `[${flag.name} ${flag.example}]`)),
    ...(queue && clusters.length > 0 ? [`[--on ${clusters.join('|')}]`] : []),
  ].join(' ');
}

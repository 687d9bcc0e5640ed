import { assertOwner } from '../access.js';
import { commandLine, type CommandTarget } from '../commands/command-line.js';
import type { Requester } from '../commands/payload.js';
import type { Command } from '../commands/command.js';
import { commands, type JobCommandName } from '../commands/table.js';
import { messageOf, Refusal } from '../errors.js';
import type { Cluster } from '../k8s/client/cluster.js';
import { findDemo, listDemos } from '../k8s/demo/demo-record.js';
import type { Demo } from '../k8s/demo/demo.js';
import { isForEarlier, isOver } from '../k8s/demo/done-jobs.js';
import { noteUse } from '../k8s/demo/idle.js';
import { findEnd } from '../k8s/demo/demo-end.js';
import { mention, mrkdwn } from '../mrkdwn.js';
import { suggestion } from '../suggestion.js';
import type { JobRun } from './job-run.js';
import { firstNames } from './slack/messages.js';

export type RunOnDemo = Pick<JobRun<'create'>, 'config' | 'people' | 'id' | 'askedAt' | 'log'> & {
  name: JobCommandName;
  payload: { requester: Requester; demo: string; searched?: string[] | undefined };
};

/**
 * The demo that a command is about, if it exists and the table of commands lets this person run the command on it. The
 * handlers of commands get at a demo in no other way.
 * @throws Refusal `not-owner`, `access-revoked`, `command-over`
 */
export async function findCommandDemo(host: Cluster, run: RunOnDemo): Promise<Demo | undefined> {
  const found = await findDemo(host, run.payload.demo);
  const demo = found?.warm ? undefined : found; // a warm pair is nobody's
  if (demo) await assertMayRun(run, demo);
  if (demo && isForEarlier(demo, run)) throw over(demo.name);
  return demo && (await noted(host, run, demo));
}

/** A command does not fail because it could not be noted. */
const noted = (host: Cluster, { config, log }: RunOnDemo, demo: Demo): Promise<Demo> =>
  noteUse(host, demo, config).catch((error: unknown) => {
    log.warn({ reason: messageOf(error) }, 'the use of the demo was not noted');
    return demo;
  });

/** @throws Refusal `not-owner`, `access-revoked` */
export async function assertMayRun({ name, config, people, payload }: RunOnDemo, demo: Demo): Promise<void> {
  const { requester } = payload;
  const { who, handsOut }: Command = commands[name];
  const check = { access: config.access, memberships: people };
  if (who === 'owner' || who === 'shared') await assertOwner(check, requester, demo, { command: name, who });
  if (handsOut) assertNotRevoked(demo, requester.userId);
}

/** @throws Refusal `access-revoked` */
export function assertNotRevoked({ name, revoked, owner }: Demo, userId: string): void {
  if (!revoked.includes(userId)) return;
  throw new Refusal('access-revoked', `Your access to demo ${name} was revoked.`, {
    hint: owner.id === userId ? 'Ask a vcdemo administrator.' : mrkdwn`Ask its owner, ${mention(owner.id)}.`,
  });
}

/** The demo that a command names, whether or not it exists. */
export const namedDemo = ({ config, payload }: Pick<RunOnDemo, 'config' | 'payload'>) => ({
  name: payload.demo,
  hostCluster: config.hostCluster,
});

/**
 * @param hint what to do if there is none; by default, to choose another one
 * @throws UnknownDemo with the closest existing name; Refusal `not-owner`, `command-over`
 */
export async function requireDemo(host: Cluster, run: RunOnDemo, hint?: string): Promise<Demo> {
  const { config, payload } = run;
  const { demo: name, searched = [] } = payload;
  const demo = await findCommandDemo(host, run);
  if (demo) {
    assertNotOver(run, demo);
    return demo;
  }
  const names = (await listDemos(host)).demos.map((other) => other.name);
  const meant = { name, hostCluster: searched.length > 0 ? undefined : config.hostCluster };
  const asked = searched.slice(0, searched.indexOf(config.hostCluster ?? ''));
  const where = config.hostCluster ? ` on ${[...asked, config.hostCluster].join(' or ')}` : '';
  throw new UnknownDemo(`There is no demo ${name}${where}.${suggestion(name, names)}`, meant, names, hint);
}

/**
 * Checks that a command is for this demo, not for an earlier one of the same name, and has not been carried out yet.
 * @throws CarriedOut; Refusal `command-over`
 */
export function assertNotOver(run: Pick<JobRun<'create'>, 'id' | 'askedAt'>, demo: Demo): void {
  if (demo.done.includes(run.id)) throw new CarriedOut(demo);
  if (isOver(demo, run)) throw over(demo.name);
}

/** A worker has done it, but perhaps could not say so before it ended; or Redis has repeated the job. */
export class CarriedOut extends Refusal {
  constructor(readonly demo: Demo) {
    super('command-over', `This command has already been carried out on demo ${demo.name}.`, {
      hint: `${commandLine(demo, 'status')} shows the demo as it is now.`,
    });
  }
}

/**
 * Checks that the create of a demo that does not exist was sent after the end of the last demo of this name.
 * @throws Refusal `command-over`
 */
export async function assertNotEnded(host: Cluster, { askedAt, payload }: RunOnDemo): Promise<void> {
  const end = await findEnd(host, payload.demo);
  if (end && askedAt.getTime() <= end.askedAt.getTime()) throw over(payload.demo);
}

const over = (demo: string) =>
  new Refusal('command-over', `This command was meant for an earlier demo ${demo}, or has already been carried out.`, {
    hint: 'If you still want it, send it again.',
  });

/** More names than these help nobody to find theirs. */
const mostNames = 20;

/** This host cluster does not have the demo; another may. */
export class UnknownDemo extends Refusal {
  /** @param meant what was asked for; its host cluster is undefined if all of them were asked */
  constructor(message: string, meant: CommandTarget, existing: readonly string[] = [], hint?: string) {
    super('unknown-demo', message, {
      hint:
        hint ??
        (existing.length > 0
          ? mrkdwn`Existing demos: ${firstNames(existing, mostNames)}. \`/vcdemo list\` shows their owners and states.`
          : `Create one with ${commandLine(meant, 'create')}.`),
    });
  }
}

const pausedRefusal = (demo: Demo): Refusal =>
  new Refusal('demo-paused', `Demo ${demo.name} is paused.`, { hint: `Resume it: ${commandLine(demo, 'resume')}.` });

/** @throws UnknownDemo; Refusal `demo-paused` */
export async function requireUnpausedDemo(host: Cluster, run: RunOnDemo): Promise<Demo> {
  const demo = await requireDemo(host, run);
  if (demo.state === 'paused') throw pausedRefusal(demo);
  return demo;
}

/**
 * A demo that can be used: both clusters exist.
 * @throws UnknownDemo; Refusal `demo-not-ready`, `demo-paused`
 */
export async function requireReadyDemo(host: Cluster, run: RunOnDemo): Promise<Demo> {
  const demo = await requireUnpausedDemo(host, run);
  if (demo.state === 'ready') return demo;
  const why = {
    creating: 'is not ready yet',
    failed: 'was not fully created',
    deleting: 'is being deleted',
    paused: 'is paused',
  }[demo.state];
  throw new Refusal('demo-not-ready', `Demo ${demo.name} ${why}.`, {
    hint:
      demo.state === 'deleting'
        ? `Wait until it is gone, then run ${commandLine(demo, 'create')}.`
        : `${commandLine(demo, 'status')} shows how far it got; ${commandLine(demo, 'create')} resumes it.`,
  });
}

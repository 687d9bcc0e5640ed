import type { CoreV1Event, V1Pod } from '@kubernetes/client-node';
import { messageOf } from '../../errors.js';
import { redactedEnd } from '../../redact.js';
import type { Cluster } from '../client/cluster.js';
import { list } from '../client/lists.js';
import { isSynced } from './pods.js';

/* What pods and the host cluster say, for people to read: without secrets, and never more than a few hundred kilobytes. */

const mostPods = 4;
/** Of a pod; a tenant's may have hundreds. */
const mostContainers = 8;
/** With pods of tenants that have the same labels. */
const mostListed = 60;
const mostLines = 400;
/** What the API may send of one container; of that, the end is kept. */
const mostRead = 500_000;
const mostKept = 60_000;
const mostEvents = 60;

/** One part of a file of logs. */
export interface LogSection {
  title: string;
  text: string;
}

interface LogSource {
  /** `vc1, istiod` */
  what: string;
  namespace: string;
  labels: Record<string, string>;
}

/** The end of the logs of all containers of some pods; what cannot be read says why. Never throws. */
export async function readLogs(cluster: Cluster, { what, namespace, labels }: LogSource): Promise<LogSection[]> {
  try {
    const labelled = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace, labels, atMost: mostListed });
    const pods = labelled.filter((pod) => !isSynced(pod)).slice(0, mostPods);
    if (pods.length === 0) return [{ title: what, text: 'There is no such pod.' }];
    return (await Promise.all(pods.map((pod) => logsOfPod(cluster, what, pod)))).flat();
  } catch (error) {
    return [{ title: what, text: `The pods cannot be listed: ${messageOf(error)}` }];
  }
}

async function logsOfPod(cluster: Cluster, what: string, { metadata, spec, status }: V1Pod): Promise<LogSection[]> {
  const { name = '', namespace = '' } = metadata ?? {};
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const restarted = new Set(
    [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
      .filter(({ restartCount }) => restartCount > 0)
      .map((each) => each.name),
  );
  const wanted = containers
    .slice(0, mostContainers)
    .flatMap((container) => [
      { container: container.name, previous: false },
      ...(restarted.has(container.name) ? [{ container: container.name, previous: true }] : []),
    ]);
  const left = containers.length - mostContainers;
  const read = await Promise.all(
    wanted.map(async ({ container, previous }) => ({
      title: `${what}, pod ${name}, container ${container}${previous ? ', before its last restart' : ''}`,
      text: await cluster
        .request({
          method: 'GET',
          path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/log`,
          query: {
            container,
            previous: previous || undefined,
            tailLines: mostLines,
            limitBytes: mostRead,
            timestamps: true,
          },
          accept: 'text/plain',
        })
        .then(
          (text) => endOf(String(text)) || '(empty)',
          (error: unknown) => `Its log cannot be read: ${messageOf(error)}`,
        ),
    })),
  );
  return left > 0 ? [...read, { title: `${what}, pod ${name}`, text: `[${left} more containers left out]` }] : read;
}

function endOf(text: string): string {
  const end = redactedEnd(text, mostKept).trimEnd();
  return text.length > mostKept ? `[earlier lines left out]\n${end}` : end;
}

/** The last warnings in a namespace. Never throws. */
export async function readWarnings(cluster: Cluster, namespace: string): Promise<LogSection> {
  const title = `Warnings in namespace ${namespace}`;
  try {
    const events = await list<CoreV1Event>(cluster, 'v1', 'Event', { namespace, fields: { type: 'Warning' } });
    const lines = events
      .map((event) => ({
        at: String(event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp),
        event,
      }))
      .toSorted((a, b) => a.at.localeCompare(b.at))
      .slice(-mostEvents)
      .map(
        ({ at, event: { involvedObject, reason, message } }) =>
          `${at} ${involvedObject.kind} ${involvedObject.name}: ${reason}: ${message}`,
      );
    return { title, text: endOf(lines.join('\n')) || '(none)' };
  } catch (error) {
    return { title, text: `They cannot be listed: ${messageOf(error)}` };
  }
}

const mostInFile = 900_000;

/** All sections as one text; the last ones are left out if it becomes too long. */
export function logFile(sections: readonly LogSection[]): string {
  let text = '';
  let left = sections.length;
  for (const { title, text: body } of sections) {
    const next = `===== ${title} =====\n${body}\n\n`;
    if (text.length + next.length > mostInFile) return `${text}[${left} more sections were left out: name a part]\n`;
    text += next;
    left--;
  }
  return text;
}

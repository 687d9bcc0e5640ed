import { randomBytes } from 'node:crypto';
import { messageOf } from '../errors.js';
import type { Cluster } from '../k8s/client/cluster.js';
import type { Demo } from '../k8s/demo/demo.js';
import { certificatesIn } from '../k8s/credentials/kubeconfig.js';
import { create } from '../k8s/client/objects.js';
import type { Log } from '../log.js';
import { clip, redact } from '../redact.js';

/** Something worth remembering about a demo. */
export interface AuditedAct {
  /** `extended`, `credential issued`; part of the Event's reason. */
  act: string;
  /** The Slack ID of the person; undefined if nobody asked for it. */
  by?: string | undefined;
  /** In plain text: `extended it by 4h`. */
  what: string;
  /** Facts for the log, never secrets. */
  facts?: Record<string, unknown>;
}

/** The line in the log; with `audit: true`, so that it can be shipped apart from the rest. */
export const auditLog = (log: Log, { act, by, what, facts }: AuditedAct): void =>
  log.info({ audit: true, act, by, ...facts }, what);

/** The same for an act on a demo. Its name is in the lines of a job anyway, unless the job had to find the demo. */
export const auditDemo = (log: Log, { name }: Pick<Demo, 'name'>, { facts, ...act }: AuditedAct): void =>
  auditLog(log, { ...act, facts: { ...(log.bindings().demo !== name && { demo: name }), ...facts } });

/**
 * Writes an act to the log and as a Kubernetes Event to the demo's namespaces. The act has happened by then, so an Event that
 * cannot be written is only logged. The record is changed by whoever acts (`withAudit`), together with what the act changes.
 */
export async function audit(log: Log, host: Cluster, demo: Demo, act: AuditedAct): Promise<void> {
  auditDemo(log, demo, act);
  for (const place of demo.places) {
    const uid = demo.namespaceUids[place.name];
    await create(host, eventOf(place.namespace, uid, act, host.now())).catch((error: unknown) =>
      log.warn({ reason: messageOf(error) }, 'Event was not written'),
    );
  }
}

/** `credential issued` becomes `VcdemoCredentialIssued`. */
const reasonOf = (act: string): string =>
  `Vcdemo${act.replace(/(?:^|[ -])(\w)/g, (_match, first: string) => first.toUpperCase())}`;

function eventOf(namespace: string, uid: string | undefined, { act, by, what }: AuditedAct, at: Date) {
  const now = at.toISOString();
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `vcdemo.${at.getTime().toString(16)}${randomBytes(4).toString('hex')}`, namespace },
    // An Event about a namespace without this field would have to be in `default`.
    involvedObject: { apiVersion: 'v1', kind: 'Namespace', name: namespace, namespace, ...(uid && { uid }) },
    reason: reasonOf(act),
    message: clip(redact(by ? `${by} ${what}` : what), 900),
    type: 'Normal',
    source: { component: 'vcdemo' },
    reportingComponent: 'vcdemo',
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
}

/** The act of giving somebody, or a channel, a kubeconfig. */
export function credentialAct(kubeconfig: string, to: string, by?: string): AuditedAct {
  const certificates = certificatesIn(kubeconfig);
  const serials = certificates.map(({ serial }) => serial).join(', ');
  const what = `got a kubeconfig for ${to} (serial ${serials}, valid until ${certificates[0]?.expires ?? 'unknown'})`;
  return { act: 'credential issued', by, what, facts: { to, certificates } };
}

import type { CoreV1Event, KubernetesObject } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import { redact, redactedEnd } from '../../redact.js';
import type { Found } from '../client/answers.js';
import { list, listMetadata } from '../client/lists.js';
import { longest, most, type Part } from './part.js';
import { withoutSecrets } from './without-secrets.js';

/* What the API has: objects, events, and the names of Secrets. */

type Kind = readonly [apiVersion: string, kind: string];

export const meshKinds: readonly Kind[] = [
  ['v1', 'Pod'],
  ['v1', 'Service'],
  ['apps/v1', 'Deployment'],
  ['discovery.k8s.io/v1', 'EndpointSlice'],
  ['networking.istio.io/v1', 'VirtualService'],
  ['networking.istio.io/v1', 'DestinationRule'],
  ['security.istio.io/v1', 'AuthorizationPolicy'],
  ['security.istio.io/v1', 'PeerAuthentication'],
];

export const hostKinds: readonly Kind[] = [
  ['v1', 'Pod'],
  ['v1', 'Service'],
  ['apps/v1', 'StatefulSet'],
  ['v1', 'ResourceQuota'],
  ['v1', 'LimitRange'],
  ['networking.k8s.io/v1', 'NetworkPolicy'],
];

export const objectParts = (kinds: readonly Kind[], namespace: string): Part[] =>
  kinds.map(([apiVersion, kind]) => ({
    path: `${kind.toLowerCase()}s-${namespace}.yaml`,
    says: `${kind} objects in namespace ${namespace}, without annotations`,
    async read(cluster) {
      const objects = await list(cluster, apiVersion, kind, { namespace, atMost: most.objects });
      return objects.length === 0 ? 'There are none.\n' : objects.map(objectText).join('---\n');
    },
  }));

function objectText(object: KubernetesObject): string {
  const text = stringify(withoutSecrets(object));
  return text.length <= longest.object ? text : `${text.slice(0, longest.object)}\n# the rest was left out\n`;
}

export const secretNames = (namespace: string): Part => ({
  path: `secret-names-${namespace}.txt`,
  says: `names and labels of the Secrets in namespace ${namespace}, without their contents`,
  async read(cluster) {
    const secrets = await listMetadata(cluster, 'v1', 'Secret', { namespace, atMost: most.objects });
    const line = ({ metadata: { name, labels, creationTimestamp } }: Found) =>
      `${name} created ${String(creationTimestamp)} ${JSON.stringify(labels)}\n`;
    return redact(secrets.map(line).join('')) || 'There are none.\n';
  },
});

export const meshConfig: Part = {
  path: 'mesh-config.yaml',
  says: "Istio's mesh configuration, the ConfigMap istio",
  async read(cluster) {
    const found = await list<KubernetesObject & { data?: Record<string, string> }>(cluster, 'v1', 'ConfigMap', {
      namespace: 'istio-system',
      fields: { 'metadata.name': 'istio' },
      atMost: 1,
    });
    return redact((found[0]?.data?.mesh ?? 'It does not exist.\n').slice(0, longest.page));
  },
};

export const eventPart = (namespace: string): Part => ({
  path: `events-${namespace}.txt`,
  says: `events in namespace ${namespace}, newest last`,
  async read(cluster) {
    const events = await list<CoreV1Event>(cluster, 'v1', 'Event', { namespace, atMost: 2000 });
    const timed = events.map((event) => {
      const { lastTimestamp, eventTime, metadata, type = '', reason = '', involvedObject, message = '', count } = event;
      const time = String(lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '');
      const times = count !== undefined && count > 1 ? ` (${count} times)` : '';
      const what = `${involvedObject.kind ?? ''} ${involvedObject.name ?? ''}`;
      return `${time} ${type} ${reason} ${what}${times}: ${message.slice(0, 500).replaceAll('\n', ' ')}\n`;
    });
    const text = timed.toSorted().slice(-most.events).join('');
    return redactedEnd(text, longest.log) || 'There are none.\n';
  },
});

import type { KubeObject } from './objects.js';

/** How a client wants objects: complete, only their metadata, or as a table for people (kubectl). */
export interface Representation {
  one(object: KubeObject): object;
  list(kind: string, apiVersion: string, resourceVersion: string, objects: KubeObject[]): object;
}

export function representationFor(accept = ''): Representation {
  const [, as] = /as=(Table|PartialObjectMetadata)(?:List)?;/.exec(`${accept};`) ?? [];
  if (as === 'Table') return table;
  return as ? metadataOnly : whole;
}

const whole: Representation = {
  one: (object) => object,
  list: (kind, apiVersion, resourceVersion, objects) => ({
    kind: `${kind}List`,
    apiVersion,
    metadata: { resourceVersion },
    items: isNative(apiVersion) ? objects.map(({ apiVersion: _, kind: __, ...rest }) => rest) : objects,
  }),
};

/** In lists, items of Kubernetes' own kinds have neither kind nor version; those of CRDs do. */
const isNative = (apiVersion: string) =>
  !apiVersion.includes('.') || (/^[^/]+\.k8s\.io\//.test(apiVersion) && !apiVersion.startsWith('gateway.'));

const metadataOnly: Representation = {
  one: partial,
  list: (_kind, _apiVersion, resourceVersion, objects) => ({
    kind: 'PartialObjectMetadataList',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion },
    items: objects.map(partial),
  }),
};

function partial({ metadata }: KubeObject) {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
}

const table: Representation = {
  one: (object) => tableOf(object.metadata.resourceVersion ?? '', [object]),
  list: (_kind, _apiVersion, resourceVersion, objects) => tableOf(resourceVersion, objects),
};

function tableOf(resourceVersion: string, objects: KubeObject[]) {
  const columns = columnsOf(objects[0]?.kind);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion },
    columnDefinitions: columns.map(([name]) => ({
      name,
      type: 'string',
      format: name === 'Name' ? 'name' : '',
      description: '',
    })),
    rows: objects.map((object) => ({ cells: columns.map(([, cell]) => cell(object)), object: partial(object) })),
  };
}

type Column = [name: string, cell: (object: KubeObject) => string];

const extraColumns: Record<string, Column[]> = {
  Namespace: [['Status', ({ status }) => status?.phase]],
  Pod: [
    [
      'Ready',
      ({ status, spec }) =>
        `${(status?.containerStatuses ?? []).filter(({ ready }: { ready: boolean }) => ready).length}/${spec.containers.length}`,
    ],
    ['Status', ({ status, metadata }) => (metadata.deletionTimestamp ? 'Terminating' : status?.phase)],
  ],
  Deployment: [['Ready', readyReplicas]],
  StatefulSet: [['Ready', readyReplicas]],
};

function readyReplicas({ status, spec }: KubeObject): string {
  return `${status?.readyReplicas ?? 0}/${spec.replicas}`;
}

function columnsOf(kind = ''): Column[] {
  return [
    ['Name', ({ metadata }) => metadata.name],
    ...(extraColumns[kind] ?? []),
    ['Age', ({ metadata }) => age(metadata.creationTimestamp)],
  ];
}

function age(since = ''): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(since)) / 1000));
  return seconds < 120
    ? `${seconds}s`
    : seconds < 7200
      ? `${Math.floor(seconds / 60)}m`
      : `${Math.floor(seconds / 3600)}h`;
}

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { readDemoConfig } from '../../src/config.js';
import {
  asHost,
  asUser,
  copied,
  copyOf,
  must,
  namespaceOf,
  syncErrors,
  type VirtualCluster,
} from '../support/attack.js';
import { waitFor } from '../support/wait-for.js';

/*
 * A demo's user tries to use more of the host than a demo may. Each attempt must succeed without the quota, and fail with
 * it.
 */

const config = readDemoConfig(process.env.VCDEMO_CONFIG);
const namespace = 'quota';
const image = config.images.sleep;
const hostNamespace = namespaceOf('vc1');
const second = 1000;

type Fields = Record<string, unknown>;
const asObject = (text: string) => JSON.parse(text) as Fields;

/** Never scheduled, unless stated otherwise: it is enough that it exists in the host. */
const pod = (name: string, container: Fields = {}, spec: Fields = {}): Fields => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: {
    nodeSelector: { attack: 'nowhere' },
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'app', image, command: ['sleep', '3600'], ...container }],
    ...spec,
  },
});
const claim = (name: string, storage: string): Fields => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
});
const asks = (requests: Fields, limits: Fields = {}): Fields => ({ resources: { requests, limits } });

/** One object that requests too much. */
const greedy: { what: string; make: (name: string) => Fields }[] = [
  { what: 'a limit of 200 Gi', make: (name) => pod(name, asks({ memory: '64Mi' }, { memory: '200Gi' })) },
  { what: '100 CPUs', make: (name) => pod(name, asks({ cpu: '100' })) },
  { what: '200 Gi of memory', make: (name) => pod(name, asks({ memory: '200Gi' }, { memory: '200Gi' })) },
  {
    what: "a terabyte of the node's disk",
    make: (name) => pod(name, asks({ 'ephemeral-storage': '1Gi' }, { 'ephemeral-storage': '1Ti' })),
  },
  { what: 'a volume of 500 Gi', make: (name) => claim(name, '500Gi') },
];

/** Many objects that each request little. */
const numerous: { what: string; make: (name: string) => Fields[]; resource: string; many: number; most: string }[] = [
  {
    what: '60 pods',
    make: (name) => [
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name, namespace },
        spec: {
          replicas: 60,
          selector: { matchLabels: { app: name } },
          template: { metadata: { labels: { app: name } }, spec: pod(name).spec },
        },
      },
    ],
    resource: 'pods',
    many: 60,
    most: 'pods',
  },
  {
    what: '10 volumes',
    make: (name) => Array.from({ length: 10 }, (_, index) => claim(`${name}-${index}`, '1Mi')),
    resource: 'persistentvolumeclaims',
    many: 10,
    most: 'persistentvolumeclaims',
  },
  {
    what: '100 ConfigMaps',
    make: (name) => {
      const names = Array.from({ length: 100 }, (_, index) => `${name}-${index}`);
      return [
        ...names.map((each) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: each, namespace } })),
        pod(name, { envFrom: names.map((each) => ({ configMapRef: { name: each } })) }),
      ];
    },
    resource: 'configmaps',
    many: 100,
    most: 'configmaps',
  },
];

/** Number of objects of the kind that vcluster has copied to the host from the namespace of these tests. */
async function countCopies(resource: string): Promise<number> {
  const selector = `vcluster.loft.sh/namespace=${namespace}`;
  const names = await must(asHost(['-n', hostNamespace, 'get', resource, '-l', selector, '-o', 'name']));
  return names.split('\n').filter(Boolean).length;
}

/** The first resource with more than half of its quota used. */
async function scarceIn(cluster: VirtualCluster): Promise<string | undefined> {
  const quota = JSON.parse(
    await must(asHost(['-n', namespaceOf(cluster), 'get', 'resourcequota', 'vcdemo', '-o', 'json'])),
  ) as { status: { hard: Record<string, string>; used: Record<string, string> } };
  const { hard, used } = quota.status;
  const scarce = Object.keys(hard).find(
    (resource) => 2 * amountOf(used[resource] ?? '0') > amountOf(hard[resource] ?? '0'),
  );
  return scarce && `${cluster}: ${scarce} ${used[scarce]} of ${hard[scarce]}`;
}

const list = (items: Fields[]) => ({ apiVersion: 'v1', kind: 'List', items });
const create = (...objects: Fields[]) => must(asUser('vc1', ['create', '-f', '-'], list(objects)));
const remove = (...objects: Fields[]) =>
  asUser('vc1', ['delete', '--ignore-not-found', '--force', '--wait=false', '-f', '-'], list(objects));
const subject = ({ kind, metadata }: Fields) => ({
  kind: kind as string,
  name: (metadata as { name: string }).name,
  namespace,
});

/** Removes the quota and the LimitRange; returns a function that restores them. */
async function withoutQuota(): Promise<() => Promise<void>> {
  const saved: Fields[] = [];
  for (const kind of ['limitrange', 'resourcequota']) {
    const { apiVersion, kind: own, metadata, spec } = asObject(await hostObject(kind, 'vcdemo'));
    const { name, namespace: place, labels, annotations } = metadata as Record<string, unknown>;
    saved.push({ apiVersion, kind: own, metadata: { name, namespace: place, labels, annotations }, spec });
    await must(asHost(['-n', hostNamespace, 'delete', kind, 'vcdemo']));
  }
  return async () => {
    await must(
      asHost(['apply', '--server-side', '--force-conflicts', '--field-manager=vcdemo', '-f', '-'], list(saved)),
    );
    await waitFor('the quota to be counted', async () => {
      const { spec, status } = asObject(await hostObject('resourcequota', 'vcdemo')) as {
        spec: { hard: Record<string, string> };
        status?: { hard?: Record<string, string> };
      };
      return Object.entries(spec.hard).every(([key, amount]) => status?.hard?.[key] === amount);
    });
  };
}

const hostObject = (kind: string, name: string) => must(asHost(['-n', hostNamespace, 'get', kind, name, '-o', 'json']));

describe('what a demo can use of the host cluster', () => {
  before(async () => {
    await must(asUser('vc1', ['create', 'namespace', namespace]));
  });
  after(() => asUser('vc1', ['delete', 'namespace', namespace, '--wait=false']));

  it('leaves room for a rollout of everything within the quota', async () => {
    for (const cluster of ['vc1', 'vc2'] as const) {
      let scarce: string | undefined;
      // Leftovers of other attacks may still be terminating.
      await waitFor(
        'a quota of which at most half is used',
        async () => (scarce = await scarceIn(cluster)) === undefined,
        { withinMs: 120 * second, everyMs: second, seen: () => scarce },
      );
    }
  });

  describe('without a quota', () => {
    let restore: () => Promise<void>;
    before(async () => (restore = await withoutQuota()));
    after(() => restore());

    for (const [index, { what, make }] of greedy.entries())
      it(`is ${what}`, async () => {
        const object = make(`off-${index}`);
        try {
          await create(object);
          await copied('vc1', subject(object));
        } finally {
          await remove(object);
        }
      });

    for (const [index, { what, make, resource, many }] of numerous.entries())
      it(`is ${what}`, async () => {
        const objects = make(`off-many-${index}`);
        try {
          await create(...objects);
          await waitFor(what, async () => (await countCopies(resource)) >= many, { withinMs: 180 * second });
        } finally {
          await remove(...objects);
          await waitFor('nothing to be left', async () => (await countCopies(resource)) === 0, {
            withinMs: 180 * second,
          });
        }
      });

    it('can use all memory of the node in a container without a limit', async () => {
      const object = pod('off-unlimited');
      await create(object);
      const { spec } = (await copied('vc1', subject(object))) as { spec: { containers: { resources: Fields }[] } };
      await remove(object);
      assert.equal(JSON.stringify(spec.containers[0]!.resources).includes('memory'), false);
    });
  });

  describe('with the quota', () => {
    for (const [index, { what, make }] of greedy.entries())
      it(`is not ${what}, and the user is told why`, async () => {
        const object = make(`on-${index}`);
        try {
          await create(object);
          await waitFor(
            'the refusal',
            async () => /exceeded quota: vcdemo/.test(await syncErrors('vc1', subject(object))),
            {
              withinMs: 60 * second,
              everyMs: second,
            },
          );
          assert.equal(await copyOf('vc1', subject(object)), undefined);
        } finally {
          await remove(object);
        }
      });

    for (const [index, { what, make, resource, many, most }] of numerous.entries())
      it(`is not ${what}`, async () => {
        const objects = make(`on-many-${index}`);
        try {
          await create(...objects);
          await waitFor(
            'the refusal',
            async () =>
              /exceeded quota: vcdemo/.test(
                await must(asUser('vc1', ['-n', namespace, 'get', 'events', '-o', 'json'])),
              ),
            { withinMs: 120 * second, everyMs: second },
          );
          const { status } = asObject(await hostObject('resourcequota', 'vcdemo')) as {
            status: { hard: Record<string, string>; used: Record<string, string> };
          };
          assert.ok(amountOf(status.used[most]!) <= amountOf(status.hard[most]!));
          assert.ok((await countCopies(resource)) < many);
        } finally {
          await remove(...objects);
          await waitFor('nothing to be left', async () => (await countCopies(resource)) === 0, {
            withinMs: 180 * second,
          });
          await asUser('vc1', ['-n', namespace, 'delete', 'events', '--all']);
        }
      });

    it('is limited in a container without a limit', async () => {
      const object = pod('on-unlimited');
      await create(object);
      const { spec } = (await copied('vc1', subject(object))) as {
        spec: { containers: { resources: { limits?: Record<string, string> } }[] };
      };
      await remove(object);
      assert.ok(spec.containers[0]!.resources.limits?.memory);
    });
  });
});

/** A number in Kubernetes' quantity notation. */
function amountOf(quantity: string): number {
  const [, digits, unit = ''] = /^([\d.]+)(\w*)$/.exec(quantity)!;
  const powers = ['', 'k', 'M', 'G', 'T'];
  const factor =
    unit === 'm'
      ? 1e-3
      : unit.endsWith('i')
        ? 1024 ** powers.indexOf(unit[0]!.replace('K', 'k'))
        : 1000 ** powers.indexOf(unit);
  return Number(digits) * factor;
}

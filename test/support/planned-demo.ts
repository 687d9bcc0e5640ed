import { planDemo, type Demo } from '../../src/k8s/demo/demo.js';

type Plan = Parameters<typeof planDemo>[0];

/** A demo with a lifetime of one hour that does not exist yet; `fields` are those that matter to a test. */
export const plannedDemo = (fields: Partial<Plan> = {}): Demo =>
  planDemo({
    name: 'demo',
    hostCluster: undefined,
    owner: { id: 'U1', name: 'alice' },
    channel: 'C1',
    now: new Date('2026-01-01T00:00:00Z'),
    ttlMs: 3_600_000,
    claimNamespace: 'vcdemo',
    ...fields,
  });

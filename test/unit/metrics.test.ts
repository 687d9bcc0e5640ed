import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createWorkerMetrics } from '../../src/metrics.js';

describe('the metrics of a worker', () => {
  it('show the demos only while this worker counts them', async () => {
    const metrics = createWorkerMetrics();
    const text = () => metrics.registry.metrics();
    assert.doesNotMatch(await text(), /vcdemo_demos|overdue_demos|scheduled_demos/);
    const counts = { expired: 1, scheduled: { pass: 2 }, overdue: 1 };
    metrics.noteDemos({ byState: { ready: 3 }, ...counts });
    metrics.noteDemos({ byState: { ready: 4 }, ...counts });
    assert.match(await text(), /vcdemo_demos\{state="ready"\} 4/);
    assert.match(await text(), /vcdemo_verify_overdue_demos 1/);
    metrics.noteDemos(undefined);
    assert.doesNotMatch(await text(), /vcdemo_demos|overdue_demos|scheduled_demos/);
  });
});

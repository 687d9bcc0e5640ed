import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Log } from '../../../src/log.js';
import { createOutageLog } from '../../../src/redis/outage-log.js';

/** A log that keeps its entries. */
function recorder() {
  const lines: { level: string; text: string }[] = [];
  const write = (level: string) => (first: unknown, text?: string) =>
    lines.push({ level, text: text ?? String(first) });
  return { lines, log: { info: write('info'), warn: write('warn'), error: write('error') } as unknown as Log };
}

const refused = (port: number) =>
  Object.assign(new Error(`connect ECONNREFUSED 127.0.0.1:${port}`), { code: 'ECONNREFUSED' });

it('a reason that occurs thousands of times is logged once, and so is its end', () => {
  const { lines, log } = recorder();
  const outages = createOutageLog(log);
  for (let time = 0; time < 10_000; time++) outages.note(refused(40_000 + time));
  outages.over();
  outages.over();
  assert.deepEqual(
    lines.map(({ level, text }) => `${level}: ${text}`),
    ['warn: Redis cannot be reached; retrying', 'info: Redis is available again'],
  );
});

it('an outage that comes and goes costs only a few lines', () => {
  const { lines, log } = recorder();
  const outages = createOutageLog(log);
  for (let time = 0; time < 1_000; time++) {
    outages.note(refused(1));
    outages.over();
  }
  assert.equal(lines.length, 2);
});

it('thousands of different reasons cost only a few lines', () => {
  const { lines, log } = recorder();
  const outages = createOutageLog(log);
  for (let time = 0; time < 10_000; time++) outages.note(new Error('x'.repeat(time % 100)));
  assert.ok(lines.length <= 5);
});

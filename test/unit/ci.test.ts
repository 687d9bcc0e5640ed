import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const count = fileURLToPath(new URL('../../.ci/count-tests', import.meta.url));

const tests = `
import { describe, it } from 'node:test';
describe('some', () => {
  it('passes', () => {});
  it('passes too', () => console.log('# pass 7 is no summary'));
  it('fails', () => { throw new Error('# fail 9 is none either'); });
  it.skip('skips', () => {});
});`;

for (const reporter of ['tap', 'spec'])
  for (const color of ['0', '1'])
    test(`.ci/count-tests counts what the ${reporter} reporter of this Node version writes, ${color === '1' ? 'with' : 'without'} colors`, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'vcdemo-count-'));
      try {
        const file = join(directory, 'some.test.mjs');
        await writeFile(file, tests);
        const { stdout } = await execa(process.execPath, ['--test', `--test-reporter=${reporter}`, file], {
          reject: false,
          env: { FORCE_COLOR: color, NODE_TEST_CONTEXT: undefined },
        });
        const log = join(directory, 'log');
        await writeFile(log, `${stdout}\nanother run of the same log\n${stdout}\n`);
        assert.equal((await execa(count, [log])).stdout, '4 2');
      } finally {
        await rm(directory, { recursive: true });
      }
    });

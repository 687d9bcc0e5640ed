import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';
import { readDemoConfig } from '../../../src/config.js';
import { hours } from '../../../src/duration.js';
import { installVirtualCluster } from '../../../src/k8s/virtual-cluster.js';
import { plannedDemo } from '../../support/planned-demo.js';

let directory: string;
let chart: string;
const { PATH } = process.env;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vcdemo-chart-'));
  chart = join(directory, 'vcluster.tgz');
  await writeFile(chart, 'a chart');
  await writeFile(join(directory, 'helm'), '#!/bin/sh\necho helm ran >&2\nexit 1\n');
  await chmod(join(directory, 'helm'), 0o755);
  process.env.PATH = [directory, PATH].join(delimiter);
});
after(async () => {
  process.env.PATH = PATH;
  await rm(directory, { recursive: true });
});

function install(digest: string): Promise<void> {
  const config = readDemoConfig(undefined);
  const demo = plannedDemo({ now: new Date(), ttlMs: hours(1) });
  const pinned = { ...config, vcluster: { ...config.vcluster, chart, digest } };
  const { signal } = new AbortController();
  return installVirtualCluster(pinned, demo, demo.places[0]!, { kubeconfig: undefined, signal });
}

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

test('installs a chart whose digest matches the configuration', () =>
  assert.rejects(install(digestOf('a chart')), /helm ran/));

test('refuses a chart with another digest, before helm sees it', () =>
  assert.rejects(install(digestOf('another')), { code: 'chart-digest', message: new RegExp(digestOf('a chart')) }));

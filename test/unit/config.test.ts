import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { readBotSettings, readDemoConfig, readWorkerSettings } from '../../src/config.js';
import { hours } from '../../src/duration.js';
import { UserError } from '../../src/errors.js';

const directory = mkdtempSync(join(tmpdir(), 'vcdemo-config-'));
after(() => rmSync(directory, { recursive: true }));
let files = 0;
function yaml(text: string): string {
  const path = join(directory, `${files++}.yaml`);
  writeFileSync(path, text);
  return path;
}

function refusal(read: () => unknown): UserError {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error;
  }
  return assert.fail('it was accepted');
}

const env = { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_SIGNING_SECRET: 's', REDIS_URL: 'redis://localhost:6379' };

describe('the settings of the bot', () => {
  test('have defaults for all but the credentials', () => {
    const settings = readBotSettings(env);
    assert.equal(settings.PORT, 3000);
    assert.equal(settings.SLACK_MODE, 'http');
    assert.equal(settings.demoConfig.ttl.default, hours(8));
  });
  test('are refused with all problems at once, those of the file too', () => {
    const { code, message } = refusal(() =>
      readBotSettings({ PORT: 'x', SLACK_BOT_TOKEN: 'xoxp-1', VCDEMO_CONFIG: '/does/not/exist.yaml' }),
    );
    assert.equal(code, 'settings-invalid');
    for (const part of [/REDIS_URL is not set/, /PORT/, /SLACK_BOT_TOKEN must start with xoxb-/, /exist\.yaml/])
      assert.match(message, part);
  });
  test('name the credentials that the mode needs', () => {
    assert.match(refusal(() => readBotSettings({ ...env, SLACK_SIGNING_SECRET: '' })).message, /SLACK_SIGNING_SECRET/);
    assert.match(refusal(() => readBotSettings({ ...env, SLACK_MODE: 'socket' })).message, /SLACK_APP_TOKEN/);
    readBotSettings({ ...env, SLACK_SIGNING_SECRET: undefined, SLACK_MODE: 'socket', SLACK_APP_TOKEN: 'xapp-1' });
  });
  test('name a missing secret together with other problems', () => {
    const { message } = refusal(() => readBotSettings({ SLACK_BOT_TOKEN: 'xoxb-1' }));
    assert.match(message, /SLACK_SIGNING_SECRET/);
    assert.match(message, /REDIS_URL/);
  });
  test('never show a secret', () => {
    const { message } = refusal(() => readBotSettings({ ...env, REDIS_URL: 'http://:hunter2@redis' }));
    assert.doesNotMatch(message, /hunter2/);
  });
  test('accept a Redis with TLS and a password', () => {
    readBotSettings({ ...env, REDIS_URL: 'rediss://user:password@redis.example.com:6380/1' });
  });
});

test('the worker needs no signing secret', () => {
  assert.equal(readWorkerSettings({ ...env, SLACK_SIGNING_SECRET: undefined }).WORKER_PORT, 3001);
});

describe('the configuration file', () => {
  test('may be empty', () => assert.deepEqual(readDemoConfig(yaml('')), readDemoConfig(undefined)));
  test('keeps the defaults of what it does not mention', () => {
    const config = readDemoConfig(yaml('domain: d.example.org\nttl: {max: 1d}\n'));
    assert.equal(config.domain, 'd.example.org');
    assert.equal(config.ttl.max, hours(24));
    assert.equal(config.ttl.default, hours(8));
  });
  test('is refused with its path and every problem', () => {
    const path = yaml('ttl: {max: soon}\nexposure: {kind: magic}\nnonsense: 1\n');
    const { code, message } = refusal(() => readDemoConfig(path));
    assert.equal(code, 'config-unreadable');
    for (const part of [path, 'ttl.max', 'exposure', 'nonsense']) assert.ok(message.includes(part), message);
  });
  test('is refused when it is no YAML', () =>
    assert.match(refusal(() => readDemoConfig(yaml('a: [1'))).message, /line 1/));
  test('takes variables from the environment, but not in comments', () => {
    const path = yaml('# ${UNSET}\ndomain: ${DOMAIN}\n');
    assert.equal(readDemoConfig(path, { DOMAIN: 'x.example.com' }).domain, 'x.example.com');
    assert.match(refusal(() => readDemoConfig(path, {})).message, /uses DOMAIN/);
  });
  test('keeps the public chart repository when it sets another version of the chart', () => {
    const { repository } = readDemoConfig(yaml('vcluster: {version: 0.33.0}\n')).vcluster;
    assert.equal(repository, 'https://charts.loft.sh');
  });
  test('finds a chart that lies beside it', () => {
    const config = readDemoConfig(yaml('vcluster: {chart: ./vcluster.tgz, version: 0.34.0}\n'));
    assert.equal(config.vcluster.chart, join(directory, 'vcluster.tgz'));
  });
});

describe('several host clusters', () => {
  const path = yaml(`
domain: all.example.com
access: {admins: [U0ADMIN00]}
clusters:
  eu:
  us: {domain: us.example.com, exposure: {kind: nginx}}
`);
  test('differ in the keys that they give', () => {
    const [all, eu, us] = [undefined, 'eu', 'us'].map((name) => readDemoConfig(path, {}, name));
    assert.deepEqual(all!.clusters, ['eu', 'us']);
    assert.deepEqual([all!.domain, eu!.domain, us!.domain], ['all.example.com', 'all.example.com', 'us.example.com']);
    assert.deepEqual([eu!.exposure.kind, us!.exposure.kind], ['traefik', 'nginx']);
    assert.deepEqual([eu!.hostCluster, us!.hostCluster, all!.hostCluster], ['eu', 'us', undefined]);
    assert.deepEqual(us!.access.admins, ['U0ADMIN00']);
  });
  test('are refused with the place of each problem', () => {
    const bad = yaml('clusters: {us: {exposure: {kind: magic}}, eu: {istio: {tag: 1}}}\n');
    const { message } = refusal(() => readDemoConfig(bad));
    for (const part of ['clusters.us.exposure', 'clusters.eu.istio.tag']) assert.ok(message.includes(part), message);
  });
  test('have one set of rights and times', () =>
    assert.match(
      refusal(() => readDemoConfig(yaml('clusters: {us: {access: {}}}\n'))).message,
      /clusters\.us.*access/,
    ));
  test('have names that queues can have', () =>
    assert.match(refusal(() => readDemoConfig(yaml('clusters: {"a:b": {}}\n'))).message, /clusters/));
  test('need a worker that says which is its own', () => {
    const worker = { ...env, VCDEMO_CONFIG: path };
    assert.equal(readWorkerSettings({ ...worker, HOST_CLUSTER: 'us' }).demoConfig.domain, 'us.example.com');
    assert.match(refusal(() => readWorkerSettings(worker)).message, /HOST_CLUSTER is not set.*eu, us/);
    assert.match(refusal(() => readWorkerSettings({ ...worker, HOST_CLUSTER: 'ap' })).message, /ap, which is not/);
    assert.match(refusal(() => readWorkerSettings({ ...env, HOST_CLUSTER: 'us' })).message, /it has none/);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readBotSettings, readWorkerSettings } from '../../src/config.js';
import { hours } from '../../src/duration.js';
import { makeAuthority } from '../support/certificates.js';
import { refusal } from '../support/refusal.js';
import { yamlFiles } from '../support/yaml-files.js';
import { jobKeys } from '../support/job-keys.js';

const { yaml } = yamlFiles();
const env = { ...jobKeys, SLACK_BOT_TOKEN: 'xoxb-1', SLACK_SIGNING_SECRET: 's', REDIS_URL: 'redis://localhost:6379' };

describe('the settings of the bot', () => {
  test('have defaults for everything except credentials', () => {
    const settings = readBotSettings(env);
    assert.equal(settings.PORT, 3000);
    assert.equal(settings.SLACK_MODE, 'http');
    assert.equal(settings.demoConfig.ttl.default, hours(8));
  });
  test('are refused with all problems at once, including those of the file', () => {
    const { code, message } = refusal(() =>
      readBotSettings({ PORT: 'x', SLACK_BOT_TOKEN: 'xoxp-1', VCDEMO_CONFIG: '/does/not/exist.yaml' }),
    );
    assert.equal(code, 'settings-invalid');
    for (const part of [/REDIS_URL is not set/, /PORT/, /SLACK_BOT_TOKEN must start with xoxb-/, /exist\.yaml/])
      assert.match(message, part);
  });
  test('require the credentials of the mode', () => {
    assert.match(refusal(() => readBotSettings({ ...env, SLACK_SIGNING_SECRET: '' })).message, /SLACK_SIGNING_SECRET/);
    assert.match(refusal(() => readBotSettings({ ...env, SLACK_MODE: 'socket' })).message, /SLACK_APP_TOKEN/);
    readBotSettings({ ...env, SLACK_SIGNING_SECRET: undefined, SLACK_MODE: 'socket', SLACK_APP_TOKEN: 'xapp-1' });
  });
  test('report a missing secret together with other problems', () => {
    const { message } = refusal(() => readBotSettings({ SLACK_BOT_TOKEN: 'xoxb-1' }));
    assert.match(message, /SLACK_SIGNING_SECRET/);
    assert.match(message, /REDIS_URL/);
  });
  test('never show a secret', () => {
    const { message } = refusal(() => readBotSettings({ ...env, REDIS_URL: 'http://:hunter2@redis' }));
    assert.doesNotMatch(message, /hunter2/);
  });
  test('may end with a line break, as in files that become variables', () => {
    const written = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, `${value}\n`]));
    assert.deepEqual(readBotSettings(written), readBotSettings(env));
    assert.deepEqual(readWorkerSettings(written), readWorkerSettings(env));
    assert.equal(readBotSettings({ ...env, PORT: ' ' }).PORT, 3000);
  });
  for (const [name, value, says] of [
    ['REDIS_URL', 'redis://:50%off@redis', /REDIS_URL contains a % that encodes nothing/],
    ['REDIS_CA', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', /REDIS_CA expected PEM certificates/],
    ['REDIS_CA', '-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----', /REDIS_CA expected PEM/],
    ['NODE_EXTRA_CA_CERTS', fileURLToPath(import.meta.url), /NODE_EXTRA_CA_CERTS .*has no PEM certificates/],
    ['SLACK_API_URL', 'ftp://slack.example.com', /SLACK_API_URL expected https:/],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318', /OTEL_EXPORTER_OTLP_ENDPOINT expected https:/],
  ] as const)
    test(`are refused before anything starts if ${name} is ${JSON.stringify(value).slice(0, 30)}`, () => {
      const { message } = refusal(() => readBotSettings({ ...env, [name]: value }));
      assert.match(message, says);
      assert.doesNotMatch(message, /50%off/);
    });
  test('accept certificates', async () => {
    const { certificate } = await makeAuthority('ca');
    assert.equal(
      readBotSettings({ ...env, REDIS_CA: `of the lab:\n${certificate}\n` }).REDIS_CA?.includes(certificate.trim()),
      true,
    );
  });
  test('accept a Redis with TLS and a password', () => {
    readBotSettings({ ...env, REDIS_URL: 'rediss://user:password@redis.example.com:6380/1' });
  });
});

test('the bot starts with a file whose variables only workers have, and the worker names those that are missing', () => {
  const VCDEMO_CONFIG = yaml('vcluster: { chart: "${CHART}" }\n');
  assert.deepEqual(readBotSettings({ ...env, VCDEMO_CONFIG }).demoConfig.clusters, []);
  assert.match(refusal(() => readWorkerSettings({ ...env, VCDEMO_CONFIG })).message, /uses CHART/);
});

test('the worker needs no signing secret', () => {
  assert.equal(readWorkerSettings({ ...env, SLACK_SIGNING_SECRET: undefined }).WORKER_PORT, 3001);
});

describe('the settings of a worker for one of several host clusters', () => {
  const path = yaml('clusters: { eu: {}, us: { domain: us.example.com } }\n');
  test('say which host cluster is its own', () => {
    const worker = { ...env, VCDEMO_CONFIG: path };
    assert.equal(readWorkerSettings({ ...worker, HOST_CLUSTER: 'us' }).demoConfig.domain, 'us.example.com');
    assert.match(refusal(() => readWorkerSettings(worker)).message, /HOST_CLUSTER is not set.*eu, us/);
    assert.match(refusal(() => readWorkerSettings({ ...worker, HOST_CLUSTER: 'ap' })).message, /ap, which is not/);
    assert.match(refusal(() => readWorkerSettings({ ...env, HOST_CLUSTER: 'us' })).message, /it has none/);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { childEnvironment, forbiddenNames } from '../../src/child-environment.js';
import { readWorkerSettings, settingNames } from '../../src/config.js';

describe('programs that a worker starts', () => {
  test('get what they need to run, to use the network and to log in to clouds', () => {
    const needed = {
      PATH: '/bin',
      HOME: '/home/me',
      LC_ALL: 'C',
      HTTPS_PROXY: 'http://proxy:3128',
      no_proxy: '.svc',
      KUBECONFIG: 'a:b',
      KUBERNETES_SERVICE_HOST: '10.0.0.1',
      HELM_REGISTRY_CONFIG: '/helm.json',
      AWS_PROFILE: 'demo',
      AZURE_CLIENT_ID: '1',
      GOOGLE_APPLICATION_CREDENTIALS: '/key.json',
      OS_CLOUD: 'otc',
    };
    assert.deepEqual(childEnvironment(needed), needed);
  });

  test("get neither vcdemo's secrets nor unknown variables", () => {
    const kept = {
      SLACK_BOT_TOKEN: 'xoxb-1',
      SLACK_SIGNING_SECRET: 's',
      REDIS_URL: 'redis://:p@h',
      REDIS_PASSWORD: 'p',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=1',
      VCDEMO_CONFIG: 'c',
      MY_DATABASE_PASSWORD: 'p',
      NODE_OPTIONS: '--require x',
      LD_PRELOAD: 'x',
    };
    assert.deepEqual(childEnvironment(kept), {});
  });

  test('trust the CAs that Node was given, even if they are Go programs', () => {
    const { SSL_CERT_DIR } = childEnvironment({ NODE_EXTRA_CA_CERTS: '/etc/corp/ca.crt' });
    assert.equal(SSL_CERT_DIR, '/etc/ssl/certs:/etc/corp');
    const own = { NODE_EXTRA_CA_CERTS: '/etc/corp/ca.crt', SSL_CERT_DIR: '/mine' };
    assert.equal(childEnvironment(own).SSL_CERT_DIR, '/mine:/etc/corp');
  });

  test('get the variables that PASS_ENVIRONMENT names', () => {
    const env = { PASS_ENVIRONMENT: 'VAULT_ADDR, TELEPORT_*', VAULT_ADDR: 'v', VAULT_TOKEN: 't', TELEPORT_PROXY: 'p' };
    assert.deepEqual(childEnvironment(env), { VAULT_ADDR: 'v', TELEPORT_PROXY: 'p' });
  });

  for (const name of ['SLACK_BOT_TOKEN', 'SLACK_*', 'S*', '*', 'REDIS*', 'REDIS_URL'])
    test(`do not get vcdemo's secrets even if PASS_ENVIRONMENT says ${name}`, () => {
      const env = { PASS_ENVIRONMENT: name, SLACK_BOT_TOKEN: 'xoxb-1', REDIS_URL: 'redis://h' };
      assert.deepEqual(childEnvironment(env), {});
    });

  test("do not get vcdemo's own settings, whatever PASS_ENVIRONMENT says", () => {
    const env = Object.fromEntries(settingNames.map((name) => [name, 'x']));
    const passed = Object.keys(childEnvironment({ ...env, PASS_ENVIRONMENT: '*' }));
    assert.deepEqual(
      passed.filter((name) => /^(SLACK|REDIS|JOB|VCDEMO)_|KEY|TOKEN|SECRET|PASSWORD/.test(name)),
      [],
    );
    assert.ok(settingNames.includes('JOB_KEYS') && settingNames.includes('JOB_SIGNING_KEY'));
  });
});

test('a worker does not start if PASS_ENVIRONMENT names its own secrets', () => {
  const env = { SLACK_BOT_TOKEN: 'xoxb-1', REDIS_URL: 'redis://h', PASS_ENVIRONMENT: 'VAULT_ADDR,SLACK_BOT_TOKEN' };
  assert.throws(() => readWorkerSettings(env), /PASS_ENVIRONMENT must not name SLACK_BOT_TOKEN/);
  assert.deepEqual(forbiddenNames('VAULT_ADDR,TELEPORT_*'), []);
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isPassing } from '../../../src/k8s/client/api-errors.js';
import { runTool } from '../../../src/k8s/tools.js';
import { withExecutables } from '../../support/executables.js';

describe('a step in which the API goes down while helm runs', () => {
  withExecutables({ helm: 'echo "$2" >&2\nexit 1' });

  const outcome = async (says: string) => {
    try {
      await runTool('helm', ['upgrade', says], { withinMs: 10_000 });
    } catch (error) {
      return isPassing(error) ? 'waits' : 'fails';
    }
    return 'succeeds';
  };

  for (const says of [
    'Error: Kubernetes cluster unreachable: Get "https://10.0.0.1:6443/version": dial tcp 10.0.0.1:6443: connect: connection refused',
    'Error: UPGRADE FAILED: Get "https://10.0.0.1:6443/api/v1/namespaces/a/secrets": dial tcp 10.0.0.1:6443: i/o timeout',
    'Error: INSTALLATION FAILED: etcdserver: leader changed',
  ])
    test(`waits if helm says: ${says.slice(0, 60)}…`, async () => assert.equal(await outcome(says), 'waits'));

  for (const says of [
    'Error: looks like "https://charts.example.com" is not a valid chart repository or cannot be reached: dial tcp: lookup charts.example.com: no such host',
    'Error: INSTALLATION FAILED: values do not meet the specifications of the schema',
  ])
    test(`fails if helm says: ${says.slice(0, 60)}…`, async () => assert.equal(await outcome(says), 'fails'));
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asHost, must, namespaceOf } from '../support/attack.js';
import { waitFor } from '../support/wait-for.js';

/* What the ServiceAccount of vc-client may do in the host cluster, with the source document's role and with its own. */

const hostNamespace = namespaceOf('vc1');
const second = 1000;

describe('vc-client', () => {
  const binding = ['rolebinding', 'attack-vc-client', '-n', hostNamespace];
  const account = `system:serviceaccount:${hostNamespace}:vc-client`;
  const may = async (verb: string, resource: string) => {
    const { stdout } = await asHost(['-n', hostNamespace, '--as', account, 'auth', 'can-i', verb, resource]);
    return stdout.trim() === 'yes';
  };
  const dangerous: [string, string][] = [
    ['create', 'secrets'],
    ['get', 'secrets'],
    ['list', 'pods'],
    ['create', 'pods'],
    ['create', 'pods/exec'],
    ['create', 'serviceaccounts/token'],
    ['create', 'rolebindings'],
    ['delete', 'networkpolicies'],
    ['update', 'resourcequotas'],
  ];
  const withDocument = new Set([
    'secrets',
    'pods',
    'pods/exec',
    'serviceaccounts/token',
    'networkpolicies',
    'rolebindings',
  ]);

  it("can write Secrets and read pods with the source document's role", async () => {
    await must(asHost(['create', ...binding, '--clusterrole=admin', `--serviceaccount=${hostNamespace}:vc-client`]));
    try {
      for (const [verb, resource] of dangerous)
        if (withDocument.has(resource))
          await waitFor(`to ${verb} ${resource}`, () => may(verb, resource), { withinMs: 20 * second });
    } finally {
      await must(asHost(['delete', ...binding]));
    }
  });

  it('can do neither, nor write anything else, with its own role', async () => {
    await waitFor('the role to be gone', async () => !(await may('create', 'secrets')), { withinMs: 20 * second });
    for (const [verb, resource] of dangerous) assert.equal(await may(verb, resource), false, `${verb} ${resource}`);
    assert.equal(await may('list', 'services'), true, 'it is of some use');
  });

  it("finds no tokens in annotations of the host's pods", async () => {
    for (const cluster of ['vc1', 'vc2'] as const) {
      const pods = await must(asHost(['-n', namespaceOf(cluster), 'get', 'pods', '-o', 'json']));
      assert.doesNotMatch(pods, /vcluster\.loft\.sh\/token-|eyJ[\w-]{20,}\./);
    }
  });
});

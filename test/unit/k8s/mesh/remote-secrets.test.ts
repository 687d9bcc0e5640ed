import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { remoteSecret } from '../../../../src/k8s/mesh/remote-secrets.js';

describe('a remote secret', () => {
  it('has the label by which the other istiod finds it', () => {
    const secret = remoteSecret('vc1', { server: 'https://10.0.0.1:443', certificateAuthority: 'Y2E=', token: 't' });
    assert.equal(secret.metadata.labels?.['istio/multiCluster'], 'true');
    assert.match((secret.stringData as Record<string, string>).vc1!, /server: https:\/\/10\.0\.0\.1:443/);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateIn } from '../../../src/k8s/sidecar.js';

/* As Envoy writes it, without the fields that vcdemo does not read. */
const chain = (uri: string, expires: string) => ({
  ca_cert: [{ path: '<inline>', subject_alt_names: [], expiration_time: '2036-01-01T00:00:00Z' }],
  cert_chain: [{ path: '<inline>', subject_alt_names: uri ? [{ uri }] : [], expiration_time: expires }],
});

test('the certificate of a sidecar is the one with an identity', () => {
  const page = JSON.stringify({
    certificates: [
      { ca_cert: [], cert_chain: [] },
      chain('spiffe://cluster.local/ns/sample/sa/sleep', '2026-01-02T00:00:00Z'),
    ],
  });
  assert.deepEqual(certificateIn(page), {
    identity: 'spiffe://cluster.local/ns/sample/sa/sleep',
    ends: new Date('2026-01-02T00:00:00Z'),
  });
});

test('a sidecar that has no certificate yet, or says something else, has none', () => {
  assert.equal(certificateIn(JSON.stringify({ certificates: [] })), undefined);
  assert.equal(certificateIn(JSON.stringify({ certificates: [chain('', '2026-01-02T00:00:00Z')] })), undefined);
  const odd = { certificates: [chain('spiffe://a/b', 'tomorrow')] };
  assert.equal(certificateIn(JSON.stringify(odd)), undefined);
  assert.equal(certificateIn(''), undefined);
  assert.equal(certificateIn('[]'), undefined);
});

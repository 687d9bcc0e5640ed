import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { certificateIn, endpointsIn, requestsIn } from '../../../../src/k8s/mesh/sidecar.js';

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

const hostLine = (address: string, field = 'health_flags::healthy') =>
  `outbound|5000||helloworld.sample.svc.cluster.local::${address}::${field}\n`;

describe('the list of endpoints', () => {
  const healthy = [{ address: '10.0.0.1:5000', isHealthy: true }];

  test('is read line by line, so that no search crosses the end of a line', () => {
    const endings = ['\n', '\r', '\u2028', '\u2029'];
    for (const end of endings)
      for (const start of [`outbound|1||a${end}`, `outbound|1|${end}`, `outbound|1|${end}|a`])
        assert.equal(
          endpointsIn(`${start}b::10.0.0.1:5000::health_flags::healthy\n`),
          undefined,
          JSON.stringify(start),
        );
  });

  test('is read up to a limit, and no part of a line is', () => {
    const filler = 'x'.repeat(99);
    const long = hostLine('10.0.0.1:5000') + `${filler}\n`.repeat(10_000) + hostLine('10.0.0.2:5000');
    assert.deepEqual(endpointsIn(long), healthy);
    const line = hostLine('10.0.0.1:5000', 'rq_total::1234567');
    const cut = 'x'.repeat(100_000 - line.length + 3) + '\n' + line;
    assert.equal(requestsIn(cut).size, 0);
    assert.deepEqual([...requestsIn(line).values()], [1_234_567]);
  });

  test('of a million characters that begin like endpoints is empty', () => {
    const starts = [
      'outbound|1||a\n',
      'outbound|1||a\r',
      'outbound|1|\n',
      'outbound|1||a::1.1.1.1:1::\n',
      'outbound|1||a::[',
    ];
    for (const start of starts) {
      const text = start.repeat(Math.ceil(1_000_000 / start.length));
      assert.deepEqual([endpointsIn(text), requestsIn(text).size], [undefined, 0]);
    }
  });
});

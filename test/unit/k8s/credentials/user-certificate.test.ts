import assert from 'node:assert/strict';
import { before, describe, it, test } from 'node:test';
import { minutes, seconds } from '../../../../src/duration.js';
import { UserError } from '../../../../src/errors.js';
import { assertLife, userNameOf } from '../../../../src/k8s/credentials/user-certificate.js';
import { makeAuthority, makeCertificate, type Pair } from '../../../support/certificates.js';

describe('a certificate that a cluster has issued', () => {
  const lifeMs = minutes(60);
  let authority: Pair;
  before(async () => (authority = await makeAuthority('vc1')));

  /** As issued by a Kubernetes whose clock is ahead of the worker's by that much: backdated by five minutes. */
  const issuedBy = async (aheadMs: number, grantedMs = lifeMs) => {
    const clock = Date.now() + aheadMs;
    const life = { notBefore: new Date(clock - minutes(5)), notAfter: new Date(clock + grantedMs) };
    return (await makeCertificate(authority, 'u', life)).certificate;
  };

  for (const [what, aheadMs] of [
    ['like the worker', 0],
    ['90 s ahead of the worker', seconds(90)],
    ['90 s behind the worker', -seconds(90)],
    ['half an hour ahead of the worker', minutes(30)],
  ] as const)
    test(`is valid by a clock ${what}`, async () => assertLife(await issuedBy(aheadMs), lifeMs, 'vc1'));

  test('is refused if it is valid for longer than requested', async () => {
    const certificate = await issuedBy(0, 2 * lifeMs);
    assert.throws(() => assertLife(certificate, lifeMs, 'vc1'), /vc1 issued a certificate for 2h5m instead of 1h/);
  });

  test("is reported with both clocks if it has expired by the worker's clock", async () => {
    const certificate = await issuedBy(-minutes(90));
    assert.throws(
      () => assertLife(certificate, lifeMs, 'vc1'),
      (error: unknown) => {
        assert.ok(error instanceof UserError);
        assert.equal(error.code, 'clocks-differ');
        assert.match(error.message, /expired at 20\S+, and the worker's clock says 20/);
        assert.match(error.hint!, /NTP/);
        return true;
      },
    );
  });
});

describe('the user name in a kubeconfig', () => {
  it('is recognisable and unique', () => {
    assert.equal(userNameOf({ userId: 'U0AB', userName: 'Ann Müller' }), 'u-ann-m-ller-u0ab');
    assert.equal(userNameOf({ userId: 'U0AB', userName: '' }), 'u-u0ab');
    assert.notEqual(userNameOf({ userId: 'U0AB', userName: 'istio' }), 'u-istio');
  });
});

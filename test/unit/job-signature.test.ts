import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSigned, ownSignature, signaturesFor, workerKey } from '../../src/job-signature.js';

const master = 'the key of the bot, which no worker knows';
const job = { id: 'delete-a-1', name: 'delete', payload: { demo: 'a' }, timestamp: 1 };

test('a signature of the bot is valid with the key of each of its host clusters, and with no other key', () => {
  const signatures = signaturesFor(job, master, ['eu', 'us']);
  assert.ok(isSigned(job, signatures, [workerKey(master, 'eu')], 'eu'));
  assert.ok(isSigned(job, signatures, [workerKey(master, 'us')], 'us'));
  assert.ok(!isSigned(job, signatures, [workerKey(master, 'ap')], 'ap'));
  assert.ok(!isSigned(job, signatures, [workerKey(master)], undefined));
});

test('a job signed for one host cluster is refused on another, even with its signature under the other name', () => {
  const { eu } = signaturesFor(job, master, ['eu']);
  assert.ok(!isSigned(job, { us: eu! }, [workerKey(master, 'us')], 'us'));
  assert.ok(!isSigned(job, { us: eu! }, [workerKey(master, 'eu')], 'us'));
});

test('the key of one host cluster’s workers signs nothing for another', () => {
  const forged = ownSignature(job, workerKey(master, 'eu'), 'us');
  assert.ok(!isSigned(job, forged, [workerKey(master, 'us')], 'us'));
});

for (const [field, changed] of Object.entries({
  id: { ...job, id: 'delete-a-2' },
  name: { ...job, name: 'create' },
  payload: { ...job, payload: { demo: 'b' } },
  timestamp: { ...job, timestamp: 2 },
}))
  test(`a signature is not valid for another ${field}`, () => {
    const signatures = signaturesFor(job, master, [undefined]);
    assert.ok(isSigned(job, signatures, [workerKey(master)], undefined));
    assert.ok(!isSigned(changed, signatures, [workerKey(master)], undefined));
  });

test('the old and the new key are valid during a key rotation', () => {
  const keys = [workerKey('new key'), workerKey('old key')];
  for (const key of ['new key', 'old key'])
    assert.ok(isSigned(job, signaturesFor(job, key, [undefined]), keys, undefined));
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keptVolumesMessage } from '../../../../../src/jobs/commands/delete/messages.js';

const volume = (name: string, storageClassName = 'fast') => ({ metadata: { name }, spec: { storageClassName } });

describe('the volumes that a delete keeps', () => {
  it('names a volume, why it is kept, and who can remove it', () => {
    const { text } = keptVolumesMessage('demo', [volume('pvc-1')]);
    assert.match(
      text,
      /The volume of demo demo is kept, because the reclaim policy is Retain \(StorageClass fast\): pvc-1/,
    );
    assert.match(text, /An administrator of the host cluster can remove it: kubectl delete persistentvolume pvc-1,/);
  });

  it('names all volumes', () => {
    const { text } = keptVolumesMessage('demo', [volume('pvc-1'), volume('pvc-2', 'slow'), volume('pvc-3', '')]);
    assert.match(text, /The volumes of demo demo are kept.*\(StorageClass fast, slow\): pvc-1, pvc-2, pvc-3/);
    assert.match(text, /can remove them: kubectl delete persistentvolume pvc-1 pvc-2 pvc-3/);
  });
});

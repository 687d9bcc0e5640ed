import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deletedMessage } from '../../../../../src/jobs/commands/delete/messages.js';

const volume = (name: string, storageClassName = 'fast') => ({ metadata: { name }, spec: { storageClassName } });

describe('the end of a delete', () => {
  it('says that nothing is left', () => {
    assert.match(deletedMessage('demo', 'has been', []).text, /Demo demo has been deleted; nothing is left of it/);
    assert.match(
      deletedMessage('demo', 'expired and has been', []).text,
      /Demo demo expired and has been deleted; nothing/,
    );
  });

  it('names a volume that is kept, why, and who can remove it', () => {
    const { text } = deletedMessage('demo', 'has been', [volume('pvc-1')]);
    assert.match(
      text,
      /Demo demo has been deleted\. Its volume is kept, because the reclaim policy is Retain \(StorageClass fast\): pvc-1/,
    );
    assert.match(text, /An administrator of the host cluster can remove it: kubectl delete persistentvolume pvc-1,/);
  });

  it('names all volumes that are kept', () => {
    const { text } = deletedMessage('demo', 'has been', [
      volume('pvc-1'),
      volume('pvc-2', 'slow'),
      volume('pvc-3', ''),
    ]);
    assert.match(text, /Its volumes are kept.*\(StorageClass fast, slow\): pvc-1, pvc-2, pvc-3/);
    assert.match(text, /can remove them: kubectl delete persistentvolume pvc-1 pvc-2 pvc-3/);
  });
});

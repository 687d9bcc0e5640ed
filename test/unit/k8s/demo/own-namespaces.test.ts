import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { namespaceMetadata } from '../../../../src/k8s/demo/own-namespaces.js';
import { plannedDemo } from '../../../support/planned-demo.js';

const demo = plannedDemo();

describe('the namespaces of a demo', () => {
  it('have its labels and the proof of its record', () => {
    const { labels, annotations } = namespaceMetadata(demo, demo.places[1]!);
    assert.equal(labels['app.kubernetes.io/managed-by'], 'vcdemo');
    assert.equal(labels['vcdemo.io/demo'], 'demo');
    assert.equal(labels['vcdemo.io/virtual-cluster'], 'vc2');
    assert.match(annotations['vcdemo.io/record'], /^[0-9a-f]{64}$/);
  });
});

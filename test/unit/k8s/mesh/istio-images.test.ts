import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDemoConfig } from '../../../../src/config.js';
import { admissionPolicy } from '../../../../src/k8s/isolation/admission-policy.js';
import { istioImage } from '../../../../src/k8s/mesh/istio-images.js';
import { istioOperator } from '../../../../src/k8s/mesh/istio.js';

const digestOf = (character: string) => `sha256:${character.repeat(64)}`;
const config = readDemoConfig(undefined);
const pinned = { ...config.istio, digests: { pilot: digestOf('a'), proxyv2: digestOf('b') } };
const [pilot, proxy] = [
  `docker.io/istio/pilot:1.30.0@${digestOf('a')}`,
  `docker.io/istio/proxyv2:1.30.0@${digestOf('b')}`,
];

test('an Istio image has its digest if the configuration has one', () => {
  assert.equal(istioImage(config.istio, 'pilot'), 'docker.io/istio/pilot:1.30.0');
  assert.equal(istioImage(pinned, 'pilot'), pilot);
  assert.equal(istioImage(pinned, 'proxyv2'), proxy);
});

test('istiod, sidecars and gateways use the pinned images', () => {
  const { values } = specOf(pinned);
  assert.equal(values.pilot.image, pilot);
  assert.equal(values.global.proxy.image, proxy);
  assert.equal(values.global.proxy_init?.image, proxy);
  assert.equal(values.global.proxy.privileged, false, "vcdemo's own values stay");
});

test('without digests, istioctl composes the image names', () => {
  const { values } = specOf(config.istio);
  assert.deepEqual(
    [values.pilot.image, values.global.proxy.image, values.global.proxy_init],
    [undefined, undefined, undefined],
  );
});

test('the admission policy allows NET_ADMIN only for the pinned proxy', () => {
  const text = JSON.stringify(admissionPolicy({ ...config, istio: pinned }));
  assert.ok(text.includes(proxy));
  assert.ok(!text.includes('proxyv2:1.30.0\\"'));
});

const specOf = (istio: typeof config.istio) => istioOperator('vc1', istio).spec as unknown as { values: IstioValues };

interface IstioValues {
  pilot: { image?: string };
  global: { proxy: { image?: string; privileged: boolean }; proxy_init?: { image: string } };
}

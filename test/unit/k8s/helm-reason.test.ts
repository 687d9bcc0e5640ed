import assert from 'node:assert/strict';
import { test } from 'node:test';
import { helmReason } from '../../../src/k8s/helm-reason.js';

// As helm 3.19.5 prints it.
const uninstall = (reasons: string) =>
  `uninstall.go:103: 2026-11-27 02:18:48.403866448 +0000 UTC m=+0.337512911 [debug] uninstall: Deleting vc2
client.go:506: 2026-11-27 02:18:48.406814818 +0000 UTC m=+0.340461271 [debug] Starting delete for "b" Service
uninstall.go:125: 2026-11-27 02:18:48.408304216 +0000 UTC m=+0.341950679 [debug] uninstall: Failed to delete release: [${reasons}]
Error: failed to delete release: vc2
helm.go:92: 2026-11-27 02:18:48.408346168 +0000 UTC m=+0.341992621 [debug] failed to delete release: vc2
helm.sh/helm/v3/pkg/action.(*Uninstall).Run
	helm.sh/helm/v3@v3.19.5/pkg/action/uninstall.go:126
`;

test('the reason why helm 3 could not delete objects', () =>
  assert.equal(
    helmReason(uninstall('Delete "https://10.0.0.1/api/v1/namespaces/ns/services/b": EOF')),
    'Error: failed to delete release: vc2: Delete "https://10.0.0.1/api/v1/namespaces/ns/services/b": EOF',
  ));

test('the reason as older versions of helm 3 print it', () =>
  assert.equal(
    helmReason(
      'uninstall.go:117: [debug] uninstall: Failed to delete release: [no matches for kind "A"]\nError: failed to delete release: vc2\nhelm.go:84: [debug] failed',
    ),
    'Error: failed to delete release: vc2: no matches for kind "A"',
  ));

test('the reason as helm 4 prints it', () =>
  assert.equal(
    helmReason(
      String.raw`level=DEBUG msg="uninstall: Failed to delete release" error="[Delete \"https://10.0.0.1/api/v1/namespaces/ns/services/b\": EOF]"
Error: failed to delete release: vc2
level=DEBUG msg="command failed"`,
    ),
    'Error: failed to delete release: vc2: Delete "https://10.0.0.1/api/v1/namespaces/ns/services/b": EOF',
  ));

test('an error of more than one line, after what a credential plugin wrote', () =>
  assert.equal(
    helmReason('The SSO session has expired.\nError: values do not fit:\n- a\n- b\n'),
    'The SSO session has expired.\nError: values do not fit:\n- a\n- b',
  ));

test('everything, if helm came to no error', () =>
  assert.equal(helmReason('client.go:506: [debug] Starting delete'), 'client.go:506: [debug] Starting delete'));

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isPassing } from '../../../src/k8s/client/api-errors.js';
import { connectCluster } from '../../../src/k8s/client/cluster.js';
import { accessWith } from '../../../src/k8s/client/server-access.js';
import { onceMoreIfRefused, runTool } from '../../../src/k8s/tools.js';
import { withExecutables } from '../../support/executables.js';

describe('a step in which the API goes down while helm runs', () => {
  withExecutables({ helm: 'echo "$2" >&2\nexit 1' });

  const outcome = async (says: string) => {
    try {
      await runTool('helm', ['upgrade', says], { withinMs: 10_000 });
    } catch (error) {
      return isPassing(error) ? 'waits' : 'fails';
    }
    return 'succeeds';
  };

  const call = '"https://10.0.0.1:6443/api/v1/namespaces/a/secrets?labelSelector=owner%3Dhelm"';
  for (const says of [
    'Error: Kubernetes cluster unreachable: Get "https://10.0.0.1:6443/version": dial tcp 10.0.0.1:6443: connect: connection refused',
    'Error: Kubernetes cluster unreachable: the server is currently unable to handle the request',
    `Error: UPGRADE FAILED: Get ${call}: dial tcp 10.0.0.1:6443: i/o timeout`,
    `Error: query: failed to query with labels: Get ${call}: read tcp 10.0.0.2:47904->10.0.0.1:6443: read: connection reset by peer - error from a previous attempt: EOF`,
    `Error: query: failed to query with labels: Get ${call}: net/http: TLS handshake timeout`,
    `Error: query: failed to query with labels: Get ${call}: http2: server sent GOAWAY and closed the connection; LastStreamID=7, ErrCode=NO_ERROR, debug=""`,
    `Error: query: failed to query with labels: Get ${call}: http2: client connection lost`,
    'Error: Get "https://rancher.example.com/k8s/clusters/c-1/apis/apps/v1/namespaces/a/statefulsets/vc1": unexpected EOF',
    'Error: INSTALLATION FAILED: etcdserver: leader changed',
    'Error: query: failed to query with labels: apiserver not ready',
    'Error: query: failed to query with labels: the server has received too many requests and has asked us to try again later (get secrets)',
    'Error: query: failed to query with labels: Internal error occurred: resource quota evaluation timed out',
    'Error: query: failed to query with labels: Timeout: request did not complete within requested timeout - context deadline exceeded',
    'Error: query: failed to query with labels: the server was unable to return a response in the time allotted, but may still be processing the request (get secrets)',
    'Error: query: failed to query with labels: unexpected error when reading response body. Please retry. Original error: unexpected EOF',
    `uninstall.go:125: [debug] uninstall: Failed to delete release: [Delete ${call}: EOF]\nError: failed to delete release: vc1`,
    'uninstall.go:125: [debug] uninstall: Failed to delete release: [etcdserver: request timed out]\nError: failed to delete release: vc1',
    'Error: statefulsets.apps "vc1" is forbidden: not yet ready to handle request',
    'Error: Internal error occurred: failed calling webhook "x.example.com": failed to call webhook: Post "https://x.kyverno.svc:443/v": EOF',
  ])
    test(`waits if helm says: ${says}`, async () => assert.equal(await outcome(says), 'waits'));

  for (const says of [
    'Error: looks like "https://charts.example.com" is not a valid chart repository or cannot be reached: Get "https://charts.example.com/index.yaml": dial tcp: lookup charts.example.com on 10.0.0.2:53: no such host',
    'Error: looks like "https://gitlab.example.com/api/v4/projects/1/packages/helm/stable" is not a valid chart repository or cannot be reached: Get "https://gitlab.example.com/api/v4/projects/1/packages/helm/stable/index.yaml": dial tcp 10.0.0.3:443: connect: connection refused',
    'Error: failed to perform "FetchReference" on source: Get "https://ghcr.io/v2/loft-sh/vcluster/manifests/0.34.0": dial tcp: lookup ghcr.io on 10.0.0.2:53: no such host',
    'Error: INSTALLATION FAILED: values do not meet the specifications of the schema',
    'Error: Kubernetes cluster unreachable: Get "https://10.0.0.1:6443/version": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    `Error: query: failed to query with labels: Get ${call}: getting credentials: exec: executable aws failed with exit code 255`,
    'Error: Kubernetes cluster unreachable: invalid configuration: no configuration has been provided',
  ])
    test(`fails if helm says: ${says}`, async () => assert.equal(await outcome(says), 'fails'));

  for (const says of [
    'Error: query: failed to query with labels: secrets is forbidden: User "system:serviceaccount:vcdemo:worker" cannot list resource "secrets" in API group "" in the namespace "a"',
    'Error: query: failed to query with labels: Unauthorized',
    'uninstall.go:125: [debug] uninstall: Failed to delete release: [services "vc1" is forbidden: User "x" cannot delete resource "services" in API group "" in the namespace "a"]\nError: failed to delete release: vc1',
    'Error: Kubernetes cluster unreachable: the server has asked for the client to provide credentials',
  ])
    test(`asks once more, when the API is ready, if helm says: ${says}`, async () => {
      const asked: string[] = [];
      const host = connectCluster('host', accessWith({ url: 'https://10.0.0.1' }, { token: 't' }));
      host.request = ({ path }) => Promise.resolve(void asked.push(path));
      const refused = onceMoreIfRefused(host, async () => {
        asked.push('helm');
        await runTool('helm', ['upgrade', says], { withinMs: 10_000 });
      });
      await assert.rejects(refused, { code: 'helm-failed' });
      assert.deepEqual(asked, ['helm', '/readyz', 'helm']);
    });
});

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { countersOfUse, countsIn } from '../../../../src/k8s/mesh/traces.js';

it('reads what proxies have counted in the mesh, without what leaves it and their connections to istiod', () => {
  const page = `# TYPE envoy_cluster_upstream_rq_total counter
envoy_cluster_upstream_rq_total{cluster_name="outbound|5000||helloworld.sample.svc.cluster.local"} 12
envoy_cluster_upstream_rq_total{cluster_name="inbound|5000||"} 3
envoy_cluster_upstream_cx_total{cluster_name="inbound|5432||;"} 2
envoy_cluster_upstream_rq_total{cluster_name="PassthroughCluster"} 7
envoy_cluster_upstream_cx_total{cluster_name="xds-grpc"} 1
envoy_cluster_upstream_rq_total{cluster_name="inbound|5000||"} NaN
`;
  assert.deepEqual(countsIn(page), [12, 3, 2]);
  assert.deepEqual(countsIn(''), []);
});

it('lets proxies keep these counters, and no others', () => {
  const kept = new RegExp(`^${countersOfUse}$`);
  assert.match('cluster.outbound|5000||helloworld.sample.svc.cluster.local.upstream_rq_total', kept);
  assert.match('cluster.inbound|5432||;.upstream_cx_total', kept);
  assert.doesNotMatch('cluster.PassthroughCluster.upstream_rq_total', kept);
  assert.doesNotMatch('cluster.outbound|5000||helloworld.sample.svc.cluster.local.upstream_rq_time', kept);
});

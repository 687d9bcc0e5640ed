import assert from 'node:assert/strict';
import { it } from 'node:test';
import { countsIn } from '../../../../src/k8s/mesh/traces.js';

it('reads what sidecars have counted, without what left the mesh, such as the reading itself', () => {
  const page = `# TYPE istio_requests_total counter
istio_requests_total{response_code="200",reporter="destination",source_workload="sleep"} 12
istio_requests_total{reporter="source",destination_service_name="PassthroughCluster"} 7
istio_tcp_connections_opened_total{reporter="destination",source_workload="psql"} 3
istio_request_bytes_count_total{reporter="destination"} 5
istio_requests_total{reporter="destination"} NaN
`;
  assert.deepEqual(countsIn(page), [12, 3]);
  assert.deepEqual(countsIn(''), []);
});

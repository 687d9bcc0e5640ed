import { afterEach } from 'node:test';
import { accessWith } from '../../src/k8s/client/server-access.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { sendJson, startApiStub, type Answering, type ApiStub } from './api-stub.js';

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

const resources = ['Pod', 'Secret', 'Namespace'].map((kind) => ({
  kind,
  name: `${kind.toLowerCase()}s`,
  namespaced: kind !== 'Namespace',
}));

/** An API whose objects the test defines; closed after it. */
export async function apiWhere(answering: Answering): Promise<{ cluster: Cluster; stub: ApiStub }> {
  const stub = await startApiStub((request, response) => {
    if (request.url === '/api/v1') sendJson(response, 200, { resources });
    else answering(request, response);
  });
  const access = accessWith({ url: stub.url, certificateAuthority: stub.authority.certificate }, { token: 't' });
  const cluster = connectCluster('vc1', access);
  closing.push(() => {
    cluster.close();
    stub.close();
  });
  return { cluster, stub };
}

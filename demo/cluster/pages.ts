import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority } from './certificates.js';
import type { ControlPlane } from './control-plane.js';
import { debugClusters, type MeshMember } from './mesh.js';

const dashboard =
  '<!doctype html><title>Kubernetes Dashboard</title><h1>Kubernetes Dashboard</h1><p>simulated cluster</p>';

/** The ports that pods listen on, as far as anybody looks at them: opened on 127.0.0.1 when first asked for. */
export class Pages {
  private readonly servers: http.Server[] = [];
  private dashboardPort: Promise<number> | undefined;
  private readonly debugPorts = new Map<ControlPlane, Promise<number>>();

  /** One for all virtual clusters: a page over TLS, with a certificate of its own. */
  dashboard(): Promise<number> {
    return (this.dashboardPort ??= this.open(dashboardServer()));
  }

  /** What istiod tells about itself, on port 15014. */
  istiodDebug(member: MeshMember): Promise<number> {
    const port = this.debugPorts.get(member.plane) ?? this.open(istiodServer(member));
    this.debugPorts.set(member.plane, port);
    return port;
  }

  close(): void {
    for (const server of this.servers) {
      server.close();
      server.closeAllConnections();
    }
  }

  private async open(server: http.Server): Promise<number> {
    this.servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }
}

function dashboardServer(): https.Server {
  const name = 'kubernetes-dashboard';
  const { certificate, privateKey } = createAuthority(name).issueWithKey({
    subject: { commonName: name },
    subjectAltNames: [name],
  });
  return https.createServer({ cert: certificate, key: privateKey }, (_request, response) => {
    response.setHeader('content-type', 'text/html').end(dashboard);
  });
}

function istiodServer(member: MeshMember): http.Server {
  return http.createServer((request, response) => {
    if (request.url !== '/debug/clusterz') return void response.writeHead(request.url === '/ready' ? 200 : 404).end();
    void debugClusters(member).then((clusters) => response.end(JSON.stringify(clusters, undefined, 2)));
  });
}

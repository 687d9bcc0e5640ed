import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority } from './certificates.js';

const page = '<!doctype html><title>Kubernetes Dashboard</title><h1>Kubernetes Dashboard</h1><p>simulated cluster</p>';

/** The Dashboard for all virtual clusters: a TLS page with its own certificate, started on first use. */
export class Dashboard {
  private opened: { server: https.Server; port: Promise<number> } | undefined;

  port(): Promise<number> {
    return (this.opened ??= open()).port;
  }

  close(): void {
    this.opened?.server.close().closeAllConnections();
  }
}

function open() {
  const name = 'kubernetes-dashboard';
  const own = createAuthority(name).issueWithKey({ subject: { commonName: name }, subjectAltNames: [name] });
  const server = https.createServer({ cert: own.certificate, key: own.privateKey }, (_request, response) => {
    response.setHeader('content-type', 'text/html').end(page);
  });
  const port = new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );
  return { server, port };
}

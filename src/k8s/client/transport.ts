import https from 'node:https';
import type { Agent, ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { SocksProxyAgent } from 'socks-proxy-agent';
import { formatDuration, seconds } from '../../duration.js';
import type { Access, Credential, Server } from './server-access.js';

/* The options of a connection to a Kubernetes API, for both requests and WebSockets. */

const agentOptions = { keepAlive: true, maxSockets: 12 };

/**
 * The agent that keeps the connections to an API, through the server's proxy if it has one.
 * Only this function decides that.
 */
export function agentFor({ url, proxyUrl }: Server): Agent | undefined {
  if (proxyUrl?.startsWith('socks')) return new SocksProxyAgent(proxyUrl, agentOptions);
  if (proxyUrl) return new TunnelAgent(proxyUrl, agentOptions);
  return url.startsWith('https:') ? new https.Agent(agentOptions) : undefined;
}

export function tlsOptions({ certificateAuthority, tlsServerName, skipTlsVerify }: Server, credential: Credential) {
  return {
    ca: certificateAuthority,
    // Kubernetes trusts every certificate in a CA bundle, roots and intermediates alike.
    allowPartialTrustChain: true,
    servername: tlsServerName,
    rejectUnauthorized: !skipTlsVerify,
    cert: credential.certificate,
    key: credential.key,
  };
}

export const headersOf = (access: Access, credential: Credential) => ({ ...credential.headers, ...access.headers });

const tunnelWithinMs = seconds(10);

/**
 * Waits no longer than this for a proxy to open a connection: a request that has none yet cannot be ended, and would keep its
 * place among `maxSockets`.
 */
class TunnelAgent extends HttpsProxyAgent<string> {
  override async connect(
    request: ClientRequest,
    options: Parameters<HttpsProxyAgent<string>['connect']>[1],
  ): Promise<Socket> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), tunnelWithinMs);
    const limited = Object.create(this, {
      connectOpts: { value: { ...this.connectOpts, signal: late.signal } },
    }) as this;
    try {
      return await super.connect.call(limited, request, options);
    } catch (error) {
      if (!late.signal.aborted) throw error;
      const what = `the proxy did not answer within ${formatDuration(tunnelWithinMs)}`;
      throw Object.assign(new Error(what, { cause: error }), { code: 'ERR_PROXY_CONNECT' });
    } finally {
      clearTimeout(timer);
    }
  }
}

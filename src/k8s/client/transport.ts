import https from 'node:https';
import type { Agent } from 'node:http';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { SocksProxyAgent } from 'socks-proxy-agent';
import type { Access, Credential, Server } from './server-access.js';

/* The options of a connection to a Kubernetes API, for both requests and WebSockets. */

const agentOptions = { keepAlive: true, maxSockets: 12 };

/**
 * The agent that keeps the connections to an API, through the server's proxy if it has one.
 * Only this function decides that.
 */
export function agentFor({ url, proxyUrl }: Server): Agent | undefined {
  if (proxyUrl?.startsWith('socks')) return new SocksProxyAgent(proxyUrl, agentOptions);
  if (proxyUrl) return new HttpsProxyAgent(proxyUrl, agentOptions);
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

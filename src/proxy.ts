import { BlockList, isIP } from 'node:net';
import type { Dispatcher, ProxyAgent } from 'undici';
import { withoutBrackets } from './address.js';
import { proxyEnvironment, type ProxyEnvironment } from './config.js';

/*
 * Support for HTTPS_PROXY, HTTP_PROXY and NO_PROXY, which Node alone ignores. They mean the same as in Go, so that helm and
 * this process use the same proxies.
 */

/**
 * The URL of the proxy for requests to this target; undefined if they need none.
 * @see https://pkg.go.dev/golang.org/x/net/http/httpproxy
 */
export function proxyFor(target: URL, environment: ProxyEnvironment = proxyEnvironment()): string | undefined {
  const isSecure = /^(https|wss):$/.test(target.protocol);
  const proxy = isSecure ? environment.HTTPS_PROXY : environment.HTTP_PROXY;
  if (!proxy || isLocal(target) || isExempt(target, environment.NO_PROXY)) return undefined;
  return proxy;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

function isLocal({ hostname }: URL): boolean {
  const host = withoutBrackets(hostname);
  return host === 'localhost' || isWithin(loopback, host);
}

function isExempt(target: URL, exemptions = ''): boolean {
  const host = withoutBrackets(target.hostname).toLowerCase();
  const port = target.port || (/^(https|wss):$/.test(target.protocol) ? '443' : '80');
  return exemptions
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      if (entry === '' || entry === '*') return entry === '*';
      const [, base = '', bits] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? [];
      if (bits !== undefined) return isWithin(subnet(base, Number(bits)), host);
      const [, name = entry, onlyPort = port] = /^([^:]+|\[.*\]):(\d+)$/.exec(entry) ?? [];
      return onlyPort === port && isNamed(host, withoutBrackets(name));
    });
}

/** `example.com` matches itself and its subdomains, `.example.com` and `*.example.com` only subdomains. */
function isNamed(host: string, name: string): boolean {
  if (isIP(name)) return host === name;
  const suffix = name.replace(/^\*?\.?/, '.');
  return host === name || host.endsWith(suffix);
}

function subnet(base: string, bits: number): BlockList {
  const list = new BlockList();
  const version = isIP(base);
  if (version === 4 && bits <= 32) list.addSubnet(base, bits);
  if (version === 6 && bits <= 128) list.addSubnet(base, bits, 'ipv6');
  return list;
}

function isWithin(list: BlockList, host: string): boolean {
  const version = isIP(host);
  return version !== 0 && list.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

/** A dispatcher for undici that uses the proxies of the environment; undefined if there are none. */
export async function proxyDispatcher(
  environment: ProxyEnvironment = proxyEnvironment(),
): Promise<Dispatcher | undefined> {
  if (!environment.HTTPS_PROXY && !environment.HTTP_PROXY) return undefined;
  // On demand, because it takes 0.7 MB of source, and few need it.
  const { Agent, ProxyAgent } = await import('undici');
  const agents = new Map<string, ProxyAgent>();
  const agentFor = (uri: string) => {
    const agent = agents.get(uri) ?? new ProxyAgent({ uri, proxyTunnel: false });
    agents.set(uri, agent);
    return agent;
  };
  return new Agent().compose((direct) => (options, handler) => {
    const proxy = proxyFor(new URL(String(options.origin)), environment);
    return proxy === undefined ? direct(options, handler) : agentFor(proxy).dispatch(options, handler);
  });
}

/** Makes `fetch` use the proxies of the environment. Other clients get their own agents. */
export async function useProxies(): Promise<void> {
  const dispatcher = await proxyDispatcher();
  if (dispatcher) (await import('undici')).setGlobalDispatcher(dispatcher);
}

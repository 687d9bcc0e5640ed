/** The host and the port of `host:port`; an IPv6 address, `[::1]:443`, without its brackets, as sockets and DNS take it. */
export function splitAddress(address: string): { host: string; port: number } {
  const [, host = address, port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
  return { host: withoutBrackets(host), port: Number(port) };
}

/** The host of a URL as sockets and DNS take it: `URL.hostname` keeps the brackets of an IPv6 address. */
export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

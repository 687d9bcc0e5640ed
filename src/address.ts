/** The host and port of `host:port`; an IPv6 address such as `[::1]:443` loses its brackets, as sockets and DNS require. */
export function splitAddress(address: string): { host: string; port: number } {
  const [, host = address, port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
  return { host: withoutBrackets(host), port: Number(port) };
}

/** The host of a URL as sockets and DNS require it: `URL.hostname` keeps the brackets of an IPv6 address. */
export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

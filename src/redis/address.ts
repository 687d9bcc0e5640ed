import type { RedisOptions } from 'ioredis';
import { withoutBrackets } from '../address.js';

/** The settings that say how to reach Redis. */
export interface RedisSettings {
  /** `redis://`, or `redis+sentinel://user:password@host:port,host:port/name/database`; with `rediss` over TLS. */
  REDIS_URL: string;
  /** PEM of the CAs that signed the servers' certificates, if the system does not trust them. */
  REDIS_CA?: string | undefined;
  /** For the sentinels, if they require one; the URL has the user of the servers. */
  REDIS_SENTINEL_USERNAME?: string | undefined;
  REDIS_SENTINEL_PASSWORD?: string | undefined;
}

const sentinelUrl =
  /^(?<scheme>rediss?)\+sentinel:\/\/(?:(?<username>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^/@?#]+)\/(?<name>[^/?#]+)(?:\/(?<db>\d+))?\/?$/;
const sentinelHost = /^(?<host>\[[\da-f:]+\]|[\w.-]+)(?::(?<port>\d{1,5}))?$/i;

/** What is wrong with an address, for operators; undefined if `redisOptions` understands it. */
export function redisUrlProblem(text: string): string | undefined {
  if (!isDecodable(text)) return 'contains a % that encodes nothing: write it as %25';
  const isUnderstood = /^rediss?\+sentinel:/.test(text) ? parseSentinelUrl(text) !== undefined : isServerUrl(text);
  return isUnderstood ? undefined : 'expected redis://host:port/database or redis+sentinel://host:port,host:port/name';
}

function isServerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname } = new URL(text);
  return /^rediss?:$/.test(protocol) && hostname !== '' && /^\/?\d*$/.test(pathname);
}

function isDecodable(text: string): boolean {
  try {
    return decodeURIComponent(text) !== '';
  } catch {
    return false;
  }
}

/** The ioredis options for the server, or for the sentinels that know it. */
export function redisOptions(settings: RedisSettings): RedisOptions {
  const { REDIS_URL, REDIS_CA, REDIS_SENTINEL_USERNAME, REDIS_SENTINEL_PASSWORD } = settings;
  const tls = REDIS_CA ? { ca: REDIS_CA } : {};
  const isSecure = REDIS_URL.startsWith('rediss') || REDIS_CA !== undefined;
  const sentinels = parseSentinelUrl(REDIS_URL);
  if (!sentinels) return { ...parseServerUrl(REDIS_URL), ...(isSecure && { tls }) };
  return {
    ...sentinels,
    ...(REDIS_SENTINEL_USERNAME && { sentinelUsername: REDIS_SENTINEL_USERNAME }),
    ...(REDIS_SENTINEL_PASSWORD && { sentinelPassword: REDIS_SENTINEL_PASSWORD }),
    ...(isSecure && { tls, sentinelTLS: tls, enableTLSForSentinelMode: true }),
  };
}

function parseServerUrl(text: string): RedisOptions {
  const { hostname, port, username, password, pathname, searchParams } = new URL(text);
  return {
    host: withoutBrackets(hostname),
    port: Number(port || 6379),
    ...credentials(username, password),
    db: Number(pathname.slice(1)) || 0,
    ...(searchParams.has('family') && { family: Number(searchParams.get('family')) }),
  };
}

function parseSentinelUrl(text: string): RedisOptions | undefined {
  const parts = sentinelUrl.exec(text)?.groups;
  if (!parts) return undefined;
  const { hosts = '', name = '', username, password, db = '0' } = parts;
  const sentinels = hosts.split(',').map((each) => sentinelHost.exec(each)?.groups);
  if (!sentinels.every((each) => each !== undefined)) return undefined;
  if (sentinels.some(({ port }) => Number(port) > 65_535)) return undefined;
  return {
    sentinels: sentinels.map(({ host = '', port = '26379' }) => ({ host: withoutBrackets(host), port: Number(port) })),
    name: decodeURIComponent(name),
    ...credentials(username, password),
    db: Number(db),
  };
}

const credentials = (username = '', password = ''): RedisOptions => ({
  ...(username && { username: decodeURIComponent(username) }),
  ...(password && { password: decodeURIComponent(password) }),
});

/** The name of an image in the form that registries use. */
interface ImageName {
  registry: string;
  repository: string;
  tag: string;
}

/** Parses `docker.io/curlimages/curl:8.16.0`, with or without a digest, as Docker does. */
export function parseImage(image: string): ImageName {
  const [name = ''] = image.split('@');
  const [, path = name, tag = 'latest'] = /^(.*):([\w.-]+)$/.exec(name) ?? [];
  const [first = '', ...rest] = path.split('/');
  const hasRegistry = rest.length > 0 && /[.:]|^localhost$/.test(first);
  const registry = hasRegistry ? first : 'docker.io';
  const repository = hasRegistry ? rest.join('/') : path;
  if (registry !== 'docker.io') return { registry, repository, tag };
  return { registry, repository: repository.includes('/') ? repository : `library/${repository}`, tag };
}

/** Media types of images for several platforms, or for one. */
const accepted = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/**
 * The current digest of an image's tag in the registry, `sha256:…`.
 * @see https://distribution.github.io/distribution/spec/auth/token/
 */
export async function digestOf(image: string): Promise<string> {
  const { registry, repository, tag } = parseImage(image);
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  const scheme = /^(localhost|127\.)/.test(host) ? 'http' : 'https';
  const ask = (authorization?: string) =>
    fetch(`${scheme}://${host}/v2/${repository}/manifests/${tag}`, {
      method: 'HEAD',
      headers: { accept: accepted, ...(authorization && { authorization }) },
      signal: AbortSignal.timeout(30_000),
    });
  let answer = await ask();
  if (answer.status === 401) answer = await ask(await anonymousToken(answer.headers.get('www-authenticate') ?? ''));
  const digest = answer.headers.get('docker-content-digest') ?? '';
  if (answer.ok && /^sha256:[a-f\d]{64}$/.test(digest)) return digest;
  throw new Error(`${registry} has no digest for ${repository}:${tag} (status ${answer.status})`);
}

async function anonymousToken(challenge: string): Promise<string> {
  const { realm, ...query } = Object.fromEntries(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]),
  );
  if (realm === undefined)
    throw new Error(`the registry requires a kind of authentication that is not supported: ${challenge}`);
  const answer = await fetch(`${realm}?${new URLSearchParams(query).toString()}`, {
    signal: AbortSignal.timeout(30_000),
  });
  const { token, access_token: accessToken } = (await answer.json()) as { token?: string; access_token?: string };
  return `Bearer ${token ?? accessToken ?? ''}`;
}

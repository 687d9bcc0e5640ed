import { groupVersionOf, type Kind } from './kinds.js';
import { StatusError } from './status.js';

export const version = {
  major: '1',
  minor: '33',
  gitVersion: 'v1.33.0+simulated',
  gitCommit: '',
  gitTreeState: '',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: '',
  compiler: 'node',
  platform: 'simulated/any',
};

/**
 * What an API says about itself: the discovery document at a path; undefined if there is none.
 * @see https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
 */
export function discover(path: string, kinds: readonly Kind[]): object | undefined {
  const parts = path.split('/').filter(Boolean);
  const groups = [...new Set(kinds.map(({ group }) => group))].filter(Boolean);
  const [root, group = '', groupVersion] = parts;
  if (path === '/version') return version;
  if (root === 'openapi' && group === 'v3') return openApi(parts.slice(2).join('/'), kinds);
  if (root === 'api' && parts.length === 1)
    return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  if (root === 'api' && parts.length === 2) return resourceList(group, kinds);
  if (root === 'apis' && parts.length === 1)
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map((name) => describeGroup(name, kinds)) };
  if (root === 'apis' && parts.length === 2 && groups.includes(group))
    return { kind: 'APIGroup', apiVersion: 'v1', ...describeGroup(group, kinds) };
  if (root === 'apis' && parts.length === 3) return resourceList(`${group}/${groupVersion}`, kinds);
  return undefined;
}

function describeGroup(name: string, kinds: readonly Kind[]) {
  const versions = [...new Set(kinds.filter(({ group }) => group === name).map(({ version: one }) => one))].map(
    (one) => ({
      groupVersion: `${name}/${one}`,
      version: one,
    }),
  );
  return { name, versions, preferredVersion: versions[0] };
}

const verbs = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

/** What `kubectl get all` means. */
const inAll = /^(Pod|Service|Deployment|ReplicaSet|StatefulSet)$/;

function resourceList(groupVersion: string, kinds: readonly Kind[]) {
  const served = kinds.filter((kind) => groupVersionOf(kind) === groupVersion);
  if (served.length === 0) return undefined;
  const resources = served.map(({ plural, kind, namespaced, shortNames }) => ({
    name: plural,
    singularName: kind.toLowerCase(),
    namespaced,
    kind,
    verbs: kind.endsWith('Review') ? ['create'] : verbs,
    ...(shortNames.length > 0 && { shortNames }),
    ...(inAll.test(kind) && { categories: ['all'] }),
  }));
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

/** The minimum that makes kubectl leave field validation to the server. */
function openApi(path: string, kinds: readonly Kind[]): object | undefined {
  const pathOf = (kind: Kind) => (kind.group ? 'apis/' : 'api/') + groupVersionOf(kind);
  if (path === '') {
    const paths = [...new Set(kinds.map(pathOf))].map((one) => [
      one,
      { serverRelativeURL: `/openapi/v3/${one}?hash=0` },
    ]);
    return { paths: Object.fromEntries(paths) };
  }
  const served = kinds.filter((kind) => pathOf(kind) === path);
  if (served.length === 0) return undefined;
  const patchOf = ({ group, version: one, kind }: Kind) => ({
    'x-kubernetes-group-version-kind': { group, version: one, kind },
    parameters: [{ name: 'fieldValidation', in: 'query', schema: { type: 'string' } }],
    responses: {},
  });
  const paths = served.map((kind) => [`/${path}/${kind.plural}/{name}`, { patch: patchOf(kind) }]);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: version.gitVersion },
    paths: Object.fromEntries(paths),
  };
}

/** The answer for a path that belongs to no API. */
export class PageNotFound extends StatusError {
  constructor() {
    super(404, 'NotFound', '404 page not found\n');
  }
}

// What `helm` would do to a cluster for the chart `vcluster`, and nothing for any other chart.
import { existsSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { parse, stringify } from 'yaml';
import { vclusterManifests } from './vcluster-chart.mjs';
import { connect, fail, parseArguments, pathOf, readInput } from './kube.mjs';

const { words, flag, all } = parseArguments(process.argv.slice(2), {
  short: { n: 'namespace', f: 'values', i: 'install' },
  boolean: [
    'install',
    'wait',
    'atomic',
    'create-namespace',
    'short',
    'client',
    'ignore-not-found',
    'debug',
    'dry-run',
    'devel',
  ],
});
const [command, ...operands] = words;
const commands = { upgrade, install: upgrade, uninstall, delete: uninstall, template, list, ls: list, version };
if (!commands[command]) fail(`unknown command "${command ?? ''}" for the simulated "helm"`);
await commands[command](...operands).catch((error) => fail(error.message));

function version() {
  console.log(flag('short') ? 'v3.18.0+simulated' : 'version.BuildInfo{Version:"v3.18.0+simulated"}');
  return Promise.resolve();
}

async function template(name, chart) {
  console.log(
    render(name, chart, flag('namespace') ?? 'default')
      .map((manifest) => `---\n${stringify(manifest)}`)
      .join(''),
  );
}

async function upgrade(name, chart) {
  const verb = command === 'upgrade' ? 'UPGRADE' : 'INSTALLATION';
  const api = connect({ kubeconfig: flag('kubeconfig'), context: flag('kube-context') });
  const namespace = flag('namespace') ?? api.namespace;
  const manifests = render(name, chart, namespace);
  if (flag('create-namespace'))
    await ensure(api, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const history = await releasesOf(api, namespace, name);
  const last = history.at(-1);
  if (last?.status.startsWith('pending-'))
    fail(`${verb} FAILED: another operation (install/upgrade/rollback) is in progress`);
  if (!last && command === 'upgrade' && !flag('install')) fail(`${verb} FAILED: "${name}" has no deployed releases`);
  const revision = (last?.revision ?? 0) + 1;
  const record = (status) => release({ name, namespace, revision, status, manifests });
  await api.call(
    'POST',
    `/api/v1/namespaces/${namespace}/secrets`,
    record(last ? 'pending-upgrade' : 'pending-install'),
  );
  try {
    for (const manifest of manifests) await ensure(api, manifest);
  } catch (error) {
    await api.call('PUT', pathOf(record('failed')), record('failed'));
    fail(`${verb} FAILED: ${error.message}`);
  }
  if (last)
    await api.call(
      'PATCH',
      pathOf(last.secret),
      { metadata: { labels: { status: 'superseded' } } },
      'application/merge-patch+json',
    );
  await api.call('PUT', pathOf(record('deployed')), record('deployed'));
  if (!last) console.log(`Release "${name}" does not exist. Installing it now.`);
  console.log(
    `NAME: ${name}\nNAMESPACE: ${namespace}\nSTATUS: deployed\nREVISION: ${revision}\nNOTES:\nsimulated cluster`,
  );
  api.close();
}

async function uninstall(name) {
  const api = connect({ kubeconfig: flag('kubeconfig'), context: flag('kube-context') });
  const namespace = flag('namespace') ?? api.namespace;
  const history = await releasesOf(api, namespace, name);
  if (history.length === 0) {
    if (flag('ignore-not-found')) return api.close();
    fail(`uninstall: Release not loaded: ${name}: release: not found`);
  }
  for (const manifest of history.at(-1).manifests.toReversed()) await remove(api, manifest);
  for (const { secret } of history) await remove(api, secret);
  console.log(`release "${name}" uninstalled`);
  api.close();
}

async function list() {
  const api = connect({ kubeconfig: flag('kubeconfig'), context: flag('kube-context') });
  const namespace = flag('namespace') ?? api.namespace;
  const { items } = await api.call('GET', `/api/v1/namespaces/${namespace}/secrets?labelSelector=owner%3Dhelm`);
  const rows = items.map(({ metadata: { labels } }) =>
    [labels.name, namespace, labels.version, labels.status].join('\t'),
  );
  console.log(['NAME\tNAMESPACE\tREVISION\tSTATUS', ...rows].join('\n'));
  api.close();
}

// ------------------------------------------------------------------ chart and release

function render(name, chart, namespace) {
  if (!name || !chart)
    fail(`"helm ${command}" requires 2 arguments\n\nUsage:  helm ${command} [RELEASE] [CHART] [flags]`);
  const isFile = /^[./~]/.test(chart) || chart.endsWith('.tgz');
  if (isFile && !existsSync(chart)) fail(`path "${chart}" not found`);
  if (!/(^|\/)vcluster(-[\d.]+(-[\w.]+)?\.tgz)?$/.test(chart))
    fail(`the simulated helm has the chart "vcluster" only, not "${chart}"`);
  const values = all('values').map((file) => parse(readInput(file)) ?? {});
  const chartVersion = flag('version') ?? /vcluster-(\d[\w.-]*)\.tgz$/.exec(chart)?.[1] ?? '0.34.0';
  return vclusterManifests({
    name,
    namespace,
    version: chartVersion.replace(/^v/, ''),
    values: Object.assign({}, ...values),
  });
}

/** The Secret in which helm keeps a revision, with the real one's name, labels and encoding. */
function release({ name, namespace, revision, status, manifests }) {
  const content = {
    name,
    namespace,
    version: revision,
    info: { status },
    manifest: manifests.map((one) => stringify(one)).join('---\n'),
  };
  const encoded = gzipSync(JSON.stringify(content)).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: `sh.helm.release.v1.${name}.v${revision}`,
      namespace,
      labels: { name, owner: 'helm', status, version: String(revision) },
    },
    type: 'helm.sh/release.v1',
    data: { release: Buffer.from(encoded).toString('base64') },
  };
}

async function releasesOf(api, namespace, name) {
  const selector = encodeURIComponent(`owner=helm,name=${name}`);
  const { items } = await api.call('GET', `/api/v1/namespaces/${namespace}/secrets?labelSelector=${selector}`);
  return items
    .map(({ metadata, data }) => {
      const encoded = Buffer.from(data.release, 'base64').toString('utf8');
      const { manifest } = JSON.parse(gunzipSync(Buffer.from(encoded, 'base64')).toString('utf8'));
      const manifests = manifest.split(/^---$/m).map((text) => parse(text));
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: metadata.name, namespace } };
      return { revision: Number(metadata.labels.version), status: metadata.labels.status, manifests, secret };
    })
    .sort((a, b) => a.revision - b.revision);
}

async function ensure(api, manifest) {
  try {
    await api.call('POST', pathOf(manifest, { collection: true }), manifest);
  } catch (error) {
    if (error.code !== 409) throw error;
    await api.call('PATCH', pathOf(manifest), manifest, 'application/merge-patch+json');
  }
}

async function remove(api, manifest) {
  await api.call('DELETE', pathOf(manifest), { propagationPolicy: 'Background' }).catch((error) => {
    if (error.code !== 404) throw error;
  });
}

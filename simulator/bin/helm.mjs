// Does to a cluster what `helm` would do for the chart `vcluster`; other charts are not supported.
import { existsSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { vclusterManifests } from './vcluster-chart.mjs';
import { connect, fail, parseArguments, pathOf, readInput } from './kube.mjs';

const { words, flag } = parseArguments(process.argv.slice(2), {
  short: { n: 'namespace', f: 'values', i: 'install' },
  boolean: ['install', 'short', 'ignore-not-found', 'no-hooks', 'debug'],
  texts: ['namespace', 'values', 'version', 'repo'],
});
const [command, ...operands] = words;
const commands = { upgrade, uninstall, version };
if (!commands[command]) fail(`unknown command "${command ?? ''}" for the simulated "helm"`);
await commands[command](...operands).catch((error) => fail(error.message));

async function version() {
  console.log(flag('short') ? 'v3.18.0+simulated' : 'version.BuildInfo{Version:"v3.18.0+simulated"}');
}

async function upgrade(name, chart) {
  const api = connect();
  const namespace = flag('namespace') ?? api.namespace;
  const manifests = render(name, chart, namespace);
  const last = (await releasesOf(api, namespace, name)).at(-1);
  if (last?.status.startsWith('pending-'))
    fail('UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress');
  if (!last && !flag('install')) fail(`UPGRADE FAILED: "${name}" has no deployed releases`);
  const revision = (last?.revision ?? 0) + 1;
  const record = (status) => release({ name, namespace, revision, status, manifests });
  await create(api, record(last ? 'pending-upgrade' : 'pending-install'));
  try {
    for (const manifest of manifests) await ensure(api, manifest);
  } catch (error) {
    await api.call('PUT', pathOf(record('failed')), record('failed'));
    fail(`UPGRADE FAILED: ${error.message}`);
  }
  if (last) await merge(api, last.secret, { metadata: { labels: { status: 'superseded' } } });
  await api.call('PUT', pathOf(record('deployed')), record('deployed'));
  console.log(
    `NAME: ${name}\nNAMESPACE: ${namespace}\nSTATUS: deployed\nREVISION: ${revision}\nNOTES:\nsimulated cluster`,
  );
  api.close();
}

async function uninstall(name) {
  const api = connect();
  const namespace = flag('namespace') ?? api.namespace;
  const releases = await releasesOf(api, namespace, name);
  if (releases.length === 0 && !flag('ignore-not-found'))
    fail(`uninstall: Release not loaded: ${name}: release: not found`);
  const manifests = releases.at(-1)?.manifests ?? [];
  for (const manifest of [...manifests.toReversed(), ...releases.map(({ secret }) => secret)])
    await api.call('DELETE', pathOf(manifest), { propagationPolicy: 'Background' }).catch((error) => {
      if (error.code === 404) return;
      if (flag('debug'))
        console.error(`uninstall.go:125: [debug] uninstall: Failed to delete release: [${error.message}]`);
      fail(`failed to delete release: ${name}`);
    });
  console.log(`release "${name}" uninstalled`);
  api.close();
}

// ------------------------------------------------------------------ chart and release

function render(name, chart, namespace) {
  if (!name || !chart) fail('"helm upgrade" requires 2 arguments\n\nUsage:  helm upgrade [RELEASE] [CHART] [flags]');
  const isFile = /^[./~]/.test(chart) || chart.endsWith('.tgz');
  if (isFile && !existsSync(chart)) fail(`path "${chart}" not found`);
  if (!/(^|\/)vcluster(-[\d.]+(-[\w.]+)?\.tgz)?$/.test(chart))
    fail(`the simulated helm has only the chart "vcluster", not "${chart}"`);
  const chartVersion = flag('version') ?? /vcluster-(\d[\w.-]*)\.tgz$/.exec(chart)?.[1] ?? '0.34.0';
  const values = flag('values') ? (parse(readInput(flag('values'))) ?? {}) : {};
  return vclusterManifests({ name, namespace, version: chartVersion.replace(/^v/, ''), values });
}

/** The Secret in which helm keeps a revision, with the real name, labels and encoding. */
function release({ name, namespace, revision, status, manifests }) {
  const manifest = manifests.map((one) => JSON.stringify(one)).join('\n---\n');
  const content = { name, namespace, version: revision, info: { status }, manifest };
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
      const manifests = manifest.split('\n---\n').map((text) => JSON.parse(text));
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: metadata.name, namespace } };
      return { revision: Number(metadata.labels.version), status: metadata.labels.status, manifests, secret };
    })
    .sort((a, b) => a.revision - b.revision);
}

function create(api, manifest) {
  return api.call('POST', pathOf(manifest, { collection: true }), manifest);
}

function merge(api, reference, fields) {
  return api.call('PATCH', pathOf(reference), fields, 'application/merge-patch+json');
}

async function ensure(api, manifest) {
  await create(api, manifest).catch((error) => {
    if (error.code !== 409) throw error;
    return merge(api, manifest, manifest);
  });
}

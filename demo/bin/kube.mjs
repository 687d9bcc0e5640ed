import { readFileSync } from 'node:fs';
import https from 'node:https';
import { parse } from 'yaml';

/** Ends the process as the tools do: the reason on standard error, status 1. */
export function fail(reason) {
  console.error(`Error: ${reason}`);
  process.exit(1);
}

/** Flags and words of a command line; a flag given more than once has a list. */
export function parseArguments(args, { short = {}, boolean = [] } = {}) {
  const words = [];
  const flags = {};
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (!arg.startsWith('-') || arg === '-') {
      words.push(arg);
      continue;
    }
    const [name, inline] = arg.split(/=(.*)/s);
    const key = name.startsWith('--') ? name.slice(2) : (short[name.slice(1)] ?? name.slice(1));
    const value = boolean.includes(key)
      ? (inline ?? 'true')
      : (inline ?? rest.shift() ?? fail(`flag needs an argument: ${arg}`));
    flags[key] = [...(flags[key] ?? []), value];
  }
  return { words, flag: (key) => flags[key]?.at(-1), all: (key) => flags[key] ?? [] };
}

export const readInput = (file) => readFileSync(file === '-' ? 0 : file, 'utf8');

/** The API that a kubeconfig points at; `call` answers with the object and throws its Status. */
export function connect({ kubeconfig = process.env.KUBECONFIG, context } = {}) {
  if (!kubeconfig) fail('Kubernetes cluster unreachable: neither KUBECONFIG nor --kubeconfig is given');
  let config;
  try {
    config = parse(readFileSync(kubeconfig.split(':')[0], 'utf8'));
  } catch (error) {
    fail(`Kubernetes cluster unreachable: ${error.message}`);
  }
  const named = (list, name) => list?.find((entry) => entry.name === name);
  const chosen = named(config.contexts, context ?? config['current-context'])?.context;
  const cluster = named(config.clusters, chosen?.cluster)?.cluster;
  const user = named(config.users, chosen?.user)?.user ?? {};
  if (!cluster) fail(`context "${context ?? config['current-context']}" does not exist`);
  const decode = (text) => text && Buffer.from(text, 'base64');
  const agent = new https.Agent({
    keepAlive: true,
    ca: decode(cluster['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
    ...(cluster['tls-server-name'] && { servername: cluster['tls-server-name'] }),
  });

  async function call(method, path, body, contentType = 'application/json') {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      ...(user.token && { authorization: `Bearer ${user.token}` }),
      ...(text && { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }),
    };
    const { status, answer } = await new Promise((resolve, reject) => {
      const request = https.request(new URL(path, cluster.server), { method, agent, headers }, (response) => {
        let received = '';
        response.setEncoding('utf8').on('data', (chunk) => (received += chunk));
        response.on('end', () => resolve({ status: response.statusCode, answer: received }));
      });
      request.on('error', (error) =>
        reject(new Error(`Kubernetes cluster unreachable: Get "${cluster.server}${path}": ${error.message}`)),
      );
      request.end(text);
    });
    const parsed = JSON.parse(answer);
    if (status >= 400) throw Object.assign(new Error(parsed.message), { code: status });
    return parsed;
  }
  return { call, namespace: chosen.namespace ?? 'default', close: () => agent.destroy() };
}

const plurals = { NetworkPolicy: 'networkpolicies', Ingress: 'ingresses' };

/** The path of an object, or of its kind's collection in its namespace. */
export function pathOf({ apiVersion, kind, metadata: { name, namespace } }, { collection = false } = {}) {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = plurals[kind] ?? `${kind.toLowerCase()}s`;
  return `${root}${namespace ? `/namespaces/${namespace}` : ''}/${plural}${collection ? '' : `/${name}`}`;
}

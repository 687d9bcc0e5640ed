import { readFileSync } from 'node:fs';
import https from 'node:https';
import { parse } from 'yaml';

/** Exits as the tools do: with the reason on standard error and status 1. */
export function fail(reason) {
  console.error(`Error: ${reason}`);
  process.exit(1);
}

/** The words and flags of a command line; unknown flags are refused. */
export function parseArguments(args, { short, boolean, texts }) {
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
    if (boolean.includes(key)) flags[key] = inline ?? 'true';
    else if (texts.includes(key)) flags[key] = inline ?? rest.shift() ?? fail(`flag needs an argument: ${arg}`);
    else fail(`unknown flag: ${name}`);
  }
  return { words, flag: (key) => flags[key] };
}

export const readInput = (file) => readFileSync(file === '-' ? 0 : file, 'utf8');

/** The API of KUBECONFIG; `call` returns the object or throws the Status. */
export function connect() {
  const kubeconfig = process.env.KUBECONFIG;
  if (!kubeconfig) fail('Kubernetes cluster unreachable: KUBECONFIG is not set');
  let config;
  try {
    config = parse(readFileSync(kubeconfig.split(':')[0], 'utf8'));
  } catch (error) {
    fail(`Kubernetes cluster unreachable: ${error.message}`);
  }
  const named = (list, name) => list?.find((entry) => entry.name === name);
  const chosen = named(config.contexts, config['current-context'])?.context;
  const cluster = named(config.clusters, chosen?.cluster)?.cluster;
  const user = named(config.users, chosen?.user)?.user ?? {};
  if (!cluster) fail(`context "${config['current-context']}" does not exist`);
  const decode = (text) => text && Buffer.from(text, 'base64');
  const agent = new https.Agent({
    keepAlive: true,
    ca: decode(cluster['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
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
        reject(
          new Error(
            `Kubernetes cluster unreachable: ${capitalised(method)} "${cluster.server}${path}": ${error.message}`,
          ),
        ),
      );
      request.end(text);
    });
    const parsed = JSON.parse(answer);
    if (status >= 400) throw Object.assign(new Error(parsed.message), { code: status });
    return parsed;
  }
  return { call, namespace: chosen.namespace ?? 'default', close: () => agent.destroy() };
}

const capitalised = (method) => `${method[0]}${method.slice(1).toLowerCase()}`;

const plurals = { NetworkPolicy: 'networkpolicies', Ingress: 'ingresses' };

/** The path of an object, or of the collection of its kind in its namespace. */
export function pathOf({ apiVersion, kind, metadata: { name, namespace } }, { collection = false } = {}) {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = plurals[kind] ?? `${kind.toLowerCase()}s`;
  return `${root}${namespace ? `/namespaces/${namespace}` : ''}/${plural}${collection ? '' : `/${name}`}`;
}

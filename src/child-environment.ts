import { delimiter, dirname, resolve } from 'node:path';

/*
 * The environment of the programs that a worker starts: what they need to run, to use the network and to log in to
 * clouds. Everything else is withheld, above all vcdemo's own tokens: Helm's plugins and post-renderers, istioctl and the
 * credential plugins of a kubeconfig are other people's code.
 */

/** Names of variables; a `*` at the end matches any ending. */
const passed: readonly string[] = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'TERM', 'TZ', 'LANG', 'LANGUAGE', 'LC_*', 'TMPDIR', 'TEMP', 'TMP'],
  ...['XDG_*', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'],
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'],
  ...['KUBE*', 'HELM_*', 'ISTIO*', 'DOCKER_CONFIG', 'REGISTRY_AUTH_FILE'],
  ...['AWS_*', 'AZURE_*', 'AAD_*', 'ARM_*', 'MSI_*', 'IDENTITY_*', 'IMDS_ENDPOINT'],
  ...['GOOGLE_*', 'GCLOUD_*', 'CLOUDSDK_*', 'GCE_*', 'USE_GKE_GCLOUD_AUTH_PLUGIN'],
  ...['OS_*', 'OTC_*', 'OCI_*', 'IBMCLOUD_*', 'DIGITALOCEAN_*', 'SCW_*', 'HCLOUD_*', 'ALIBABA_*', 'ALIBABACLOUD_*'],
];

/** Never passed on, whatever a list says. */
const own: readonly string[] = ['SLACK_*', 'REDIS_*', 'OTEL_*', 'VCDEMO_*', 'JOB_*'];

/**
 * The part of the environment that helm, istioctl and credential plugins get. The variable `PASS_ENVIRONMENT` names more
 * variables, separated by commas, such as `VAULT_ADDR,TELEPORT_*`.
 */
export function childEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isPassed = matcher([...passed, ...namesIn(env.PASS_ENVIRONMENT)]);
  return withExtraCa(Object.fromEntries(Object.entries(env).filter(([name]) => isPassed(name) && !isOwn(name))));
}

/**
 * Go programs ignore Node's variable for extra CAs. They trust every certificate in the files of these directories, in
 * addition to the system's bundle.
 * @see https://pkg.go.dev/crypto/x509#SystemCertPool
 */
function withExtraCa(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: extra, SSL_CERT_DIR: directories = '/etc/ssl/certs' } = env;
  return extra ? { ...env, SSL_CERT_DIR: [directories, dirname(resolve(extra))].join(delimiter) } : env;
}

/** The names in a value of `PASS_ENVIRONMENT` that are never passed on, because they hold vcdemo's own secrets. */
export function forbiddenNames(value: string): string[] {
  return namesIn(value).filter((name) => name === '*' || isOwn(name.replace(/\*$/, '_')));
}

const namesIn = (value = '') => value.split(/[\s,]+/).filter(Boolean);

function matcher(names: readonly string[]): (name: string) => boolean {
  const exact = new Set(names.filter((name) => !name.endsWith('*')));
  const prefixes = names.filter((name) => /.\*$/.test(name)).map((name) => name.slice(0, -1));
  return (name) => exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix));
}

const isOwn = matcher(own);

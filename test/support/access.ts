import { readFileSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { bearer, type Access } from '../../src/k8s/client/server-access.js';

/** Address and credentials (a certificate, a token, or none) of a kubeconfig's current context. */
export function accessOf(kubeConfig: KubeConfig): Access {
  const { server: url, caData, caFile, tlsServerName } = kubeConfig.getCurrentCluster()!;
  const { certData, keyData, token } = kubeConfig.getCurrentUser() ?? {};
  const text = (data: string | undefined) => (data ? Buffer.from(data, 'base64').toString('utf8') : undefined);
  const certificateAuthority = text(caData) ?? (caFile ? readFileSync(caFile, 'utf8') : undefined);
  const credential = { certificate: text(certData), key: text(keyData), ...(token && { headers: bearer(token) }) };
  return { server: { url, certificateAuthority, tlsServerName }, signIn: () => Promise.resolve(credential) };
}

export function accessFromText(kubeconfig: string): Access {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(kubeconfig);
  return accessOf(kubeConfig);
}

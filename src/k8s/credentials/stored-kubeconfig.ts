import { X509Certificate } from 'node:crypto';
import * as z from 'zod';
import { messageOf } from '../../errors.js';
import { parseForeignYaml } from '../../foreign-yaml.js';
import { virtualClusterNames, type VirtualClusterName } from '../demo/demo.js';
import { certificates, keyPair } from './tenant-credentials.js';

/** The contents of a kubeconfig that vcdemo wrote. */
export interface StoredKubeconfig {
  /** PEM. */
  key: string;
  entries: StoredEntry[];
}

interface StoredEntry {
  name: VirtualClusterName;
  server: string;
  tlsServerName: string | undefined;
  /** Base64 of PEM. */
  certificateAuthority: string;
  /** PEM. */
  certificate: string;
}

/** Exactly what `mergedKubeconfig` writes: no programs, files, proxies or tokens, and nothing that disables a check. */
const kubeconfig = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Config'),
  preferences: z.strictObject({}).optional(),
  'current-context': z.string(),
  clusters: z
    .array(
      z.strictObject({
        name: z.string(),
        cluster: z.strictObject({
          server: z.url({ protocol: /^https$/ }),
          'tls-server-name': z.string().optional(),
          'certificate-authority-data': z.base64(),
        }),
      }),
    )
    .max(10),
  contexts: z
    .array(
      z.strictObject({
        name: z.string(),
        context: z.strictObject({ cluster: z.string(), user: z.string(), namespace: z.string().optional() }),
      }),
    )
    .max(10),
  users: z
    .array(
      z.strictObject({
        name: z.string(),
        user: z.strictObject({ 'client-certificate-data': z.base64(), 'client-key-data': z.base64() }),
      }),
    )
    .max(10),
});

const longestKubeconfig = 256_000;
const decode = (data: string) => Buffer.from(data, 'base64').toString('utf8');

/**
 * Reads a kubeconfig from a Secret as plain data: its CAs, certificates and key must parse, match each other, and belong to
 * the user.
 * @throws Error that says what is wrong without quoting the contents
 */
export function storedKubeconfig(text: string, user: string): StoredKubeconfig {
  const { clusters, contexts, users } = parsedKubeconfig(text);
  const read = virtualClusterNames.map((name) => {
    const context = contexts.find((one) => one.name === name)?.context;
    const cluster = clusters.find((one) => one.name === context?.cluster)?.cluster;
    const own = users.find((one) => one.name === context?.user)?.user;
    if (!cluster || !own) throw new Error(`it has no complete context ${name}`);
    const { certificate, key } = keyPair({
      certificate: decode(own['client-certificate-data']),
      key: decode(own['client-key-data']),
    });
    if (!new X509Certificate(certificate).subject.split('\n').includes(`CN=${user}`))
      throw new Error(`its certificate for ${name} belongs to another user`);
    const authority = certificates(decode(cluster['certificate-authority-data']), 'certificate-authority-data');
    return {
      key,
      entry: {
        name,
        server: cluster.server,
        tlsServerName: cluster['tls-server-name'],
        certificateAuthority: Buffer.from(authority).toString('base64'),
        certificate,
      },
    };
  });
  const [key, ...others] = new Set(read.map(({ key: one }) => one));
  if (key === undefined || others.length > 0) throw new Error('it has more than one key');
  return { key, entries: read.map(({ entry }) => entry) };
}

function parsedKubeconfig(text: string): z.output<typeof kubeconfig> {
  if (text.length > longestKubeconfig) throw new Error('it is too long');
  let content: unknown;
  try {
    content = parseForeignYaml(text);
  } catch {
    throw new Error('it is not YAML');
  }
  const parsed = kubeconfig.safeParse(content);
  if (parsed.success) return parsed.data;
  // The message contains the path of the problem and the names of unknown keys, but never a value.
  const [issue] = parsed.error.issues;
  const keys = issue?.code === 'unrecognized_keys' ? ` (${issue.keys.join(', ')})` : '';
  throw new Error(messageOf(`its ${issue?.path.join('.') || 'content'} is not what vcdemo writes${keys}`));
}

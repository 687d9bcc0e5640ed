import type { KubernetesObject, V1ObjectMeta } from '@kubernetes/client-node';

/** An object to create; a review has no metadata. */
export interface NewObject extends KubernetesObject {
  apiVersion: string;
  kind: string;
  [field: string]: unknown;
}

/** An object in the form of a manifest. */
export interface Manifest extends NewObject {
  metadata: V1ObjectMeta & { name: string };
}

/**
 * A manifest of which only the head was parsed, and the API server parses the rest: parsing Istio's 1 MB of CRDs here would
 * take a second and 70 MB.
 */
export class UnparsedManifest implements Manifest {
  [field: string]: unknown;
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Manifest['metadata'];

  /** @param rest YAML: the fields after `metadata` */
  constructor(
    { apiVersion, kind, metadata }: Manifest,
    readonly rest: string,
  ) {
    this.apiVersion = apiVersion;
    this.kind = kind;
    this.metadata = metadata;
  }
}

/** Enough to find one object. */
export interface Reference {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string | undefined };
}

/** A reference to an object; `ref('v1', 'Secret', 'cacerts', 'istio-system')`. */
export function ref(apiVersion: string, kind: string, name: string, namespace?: string): Reference {
  return { apiVersion, kind, metadata: { name, namespace } };
}

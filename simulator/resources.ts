import { randomBytes } from 'node:crypto';
import { admit, type AdmissionContext, type User } from './admission.js';
import { enforcePolicies } from './admission-policies.js';
import { groupVersionOf, resourceOf, type Kind } from './kinds.js';
import { copy, isMap, type KubeObject } from './objects.js';
import { mergePatch, strategicMergePatch } from './patch.js';
import { serverSideApply, trackUpdate } from './server-side-apply.js';
import { alreadyExists, badRequest, conflict, forbidden, invalid, modified, notFound, StatusError } from './status.js';
import type { Store } from './store.js';

/** The options of a write. */
export interface WriteOptions {
  user: User;
  /** The field manager. */
  manager: string;
  dryRun?: boolean;
  force?: boolean;
  /**
   * Writing through the subresource `status` changes only the status, and of pods also labels and annotations; any other
   * write changes everything else.
   */
  subresource?: string | undefined;
}

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  preconditions?: { uid?: string; resourceVersion?: string };
}

interface Target {
  kind: Kind;
  namespace?: string | undefined;
  name: string;
}

const system: User = { name: 'system:kube-controller-manager', groups: ['system:masters'] };

/** The operations on objects: the checks of an API server around the store, without authorization. */
export class Resources {
  constructor(
    readonly store: Store,
    readonly kinds: () => readonly Kind[],
    private readonly allocateClusterIp: () => string,
  ) {}

  /** Creates an object of a served kind, for the controllers or another account. */
  readonly make = (object: KubeObject, user = system): KubeObject => {
    const kind = this.kinds().find((one) => one.kind === object.kind && groupVersionOf(one) === object.apiVersion)!;
    const options = { user, manager: 'simulated-cluster' };
    return this.create({ kind, namespace: object.metadata.namespace }, object, options);
  };

  create({ kind, namespace }: Omit<Target, 'name'>, body: unknown, options: WriteOptions): KubeObject {
    const draft = this.checkBody(kind, namespace, body);
    if (draft.metadata.resourceVersion)
      throw new StatusError(500, '', 'resourceVersion should not be set on objects to be created');
    if (draft.metadata.generateName && !draft.metadata.name)
      draft.metadata.name = draft.metadata.generateName + randomBytes(4).toString('hex').slice(0, 5);
    this.checkNamespace(kind, draft);
    admit(draft, undefined, kind, this.context(options));
    return this.add(kind, trackUpdate(undefined, draft, options.manager), options);
  }

  replace(target: Target, body: unknown, options: WriteOptions): KubeObject {
    const { kind, namespace, name } = target;
    const draft = this.checkBody(kind, namespace, body);
    checkTarget(draft, target);
    const before = this.store.find(resourceOf(kind), namespace, name);
    if (!before) throw notFound(resourceOf(kind), name);
    return this.write(kind, before, draft, options);
  }

  patch(target: Target, type: string, body: unknown, options: WriteOptions): { object: KubeObject; created: boolean } {
    const { kind, namespace, name } = target;
    const before = this.store.find(resourceOf(kind), namespace, name);
    if (type === 'application/apply-patch+yaml') return this.apply(target, before, body, options);
    if (!before) throw notFound(resourceOf(kind), name);
    const after = patched(type, before, body);
    checkTarget(after, target);
    return { object: this.write(kind, before, after, options), created: false };
  }

  delete(
    { kind, namespace, name }: Target,
    options: DeleteOptions,
    { dryRun = false, user }: Pick<WriteOptions, 'dryRun' | 'user'>,
  ): KubeObject {
    const { preconditions = {}, gracePeriodSeconds } = options;
    const resource = resourceOf(kind);
    const object = this.store.get(resource, namespace, name);
    const { uid, resourceVersion } = object.metadata;
    const check = (what: string, wanted: string | undefined, found: string | undefined, why: string) => {
      const mismatch = `the ${what} in the precondition (${wanted}) does not match the ${what} in record (${found})`;
      if (wanted && wanted !== found) throw conflict(resource, name, `${mismatch}. The object might have been ${why}`);
    };
    check('UID', preconditions.uid, uid, 'deleted and then recreated');
    check('ResourceVersion', preconditions.resourceVersion, resourceVersion, 'modified');
    if (kind.kind === 'Namespace' && ['default', 'kube-system', 'kube-public'].includes(name))
      throw forbidden(resource, name, 'this namespace may not be deleted');
    enforcePolicies(this.store, { kind, object: undefined, before: object, user, options, subresource: undefined });
    if (dryRun) return object;
    const grace = kind.kind === 'Pod' ? (gracePeriodSeconds ?? object.spec.terminationGracePeriodSeconds ?? 30) : 0;
    const deleted = this.store.delete(resource, object, grace);
    if (kind.kind !== 'Namespace') return deleted;
    return this.store.change(resource, undefined, name, (draft) => (draft.status.phase = 'Terminating')) ?? deleted;
  }

  private apply(target: Target, before: KubeObject | undefined, body: unknown, options: WriteOptions) {
    const { kind, namespace, name } = target;
    const { manager, force = false } = options;
    if (!manager)
      throw invalid('PatchOptions.meta.k8s.io', '', 'fieldManager: Required value: is required for apply patch');
    const applied = this.checkBody(kind, namespace, body);
    checkTarget(applied, target);
    if (applied.metadata.managedFields) throw badRequest('metadata.managedFields must be nil');
    const version = applied.metadata.resourceVersion;
    if (version && version !== before?.metadata.resourceVersion) throw modified(resourceOf(kind), name);
    const merged = serverSideApply(before, applied, { manager, force });
    if (before) return { object: this.write(kind, before, merged, options, true), created: false };
    this.checkNamespace(kind, merged);
    admit(merged, undefined, kind, this.context(options));
    return { object: this.add(kind, merged, options), created: true };
  }

  private write(
    kind: Kind,
    before: KubeObject,
    after: KubeObject,
    options: WriteOptions,
    isApplied = false,
  ): KubeObject {
    let draft = copy(after);
    if (options.subresource) {
      const { resourceVersion, labels, annotations } = draft.metadata;
      const marks = kind.kind === 'Pod' ? { labels, annotations } : {};
      draft = {
        ...before,
        metadata: { ...before.metadata, ...marks, resourceVersion: resourceVersion! },
        status: draft.status,
      };
    } else if (kind.hasStatus) draft.status = before.status;
    // What only the server writes.
    const { deletionTimestamp, deletionGracePeriodSeconds, generation } = before.metadata;
    for (const [field, value] of Object.entries({ deletionTimestamp, deletionGracePeriodSeconds, generation })) {
      if (value === undefined) delete (draft.metadata as unknown as Record<string, unknown>)[field];
      else Object.assign(draft.metadata, { [field]: value });
    }
    admit(draft, before, kind, this.context(options));
    if (!isApplied && !options.subresource) draft = trackUpdate(before, draft, options.manager);
    if (options.dryRun) return draft;
    return this.store.update(resourceOf(kind), draft);
  }

  private add(kind: Kind, draft: KubeObject, { dryRun }: WriteOptions): KubeObject {
    const resource = resourceOf(kind);
    if (!dryRun) return this.store.create(resource, draft);
    const { namespace, name } = draft.metadata;
    if (this.store.find(resource, namespace, name)) throw alreadyExists(resource, name);
    return draft;
  }

  private checkBody(kind: Kind, namespace: string | undefined, body: unknown): KubeObject {
    if (!isMap(body)) throw badRequest('the object provided is unrecognized (must be of type Object)');
    const draft = copy(body) as KubeObject;
    draft.apiVersion ??= groupVersionOf(kind);
    draft.kind ??= kind.kind;
    if (draft.kind !== kind.kind || draft.apiVersion !== groupVersionOf(kind))
      throw badRequest(`${draft.kind} in version "${draft.apiVersion}" cannot be handled as a ${kind.kind}`);
    draft.metadata ??= {} as KubeObject['metadata'];
    if (kind.namespaced && (draft.metadata.namespace ??= namespace!) !== namespace)
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    if (!kind.namespaced) delete draft.metadata.namespace;
    return draft;
  }

  private checkNamespace(kind: Kind, { metadata: { name, namespace } }: KubeObject): void {
    if (!kind.namespaced) return;
    const found = this.store.get('namespaces', undefined, namespace!);
    if (!found.metadata.deletionTimestamp) return;
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    const message = `namespace ${namespace} is being terminated`;
    const causes = [{ reason: 'NamespaceTerminating', message, field: 'metadata.namespace' }];
    throw forbidden(resourceOf(kind), name, why, { causes });
  }

  private context({ user, subresource }: WriteOptions): AdmissionContext {
    return { store: this.store, user, subresource, allocateClusterIp: this.allocateClusterIp };
  }
}

function checkTarget({ metadata }: KubeObject, { name, namespace }: Target): void {
  if (metadata.name !== name)
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  if (metadata.namespace !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

function patched(type: string, before: KubeObject, body: unknown): KubeObject {
  switch (type) {
    case 'application/merge-patch+json':
      return mergePatch(before, body) as KubeObject;
    case 'application/strategic-merge-patch+json':
      return strategicMergePatch(before, body) as KubeObject;
    default:
      throw new StatusError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
  }
}

import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { copy, timestamp, type KubeObject } from './objects.js';
import { alreadyExists, modified, notFound, StatusError, type GroupResource } from './status.js';

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  resource: GroupResource;
  object: KubeObject;
  /** The previous state of the object, which a watch with a selector needs. */
  before?: KubeObject | undefined;
}

type Listener = (event: WatchEvent) => void;

/** How many events are kept for watches that start at an earlier resource version. */
const historyLength = 5000;

/** All objects of one API, of all kinds, and the events of their changes. */
export class Store {
  private readonly objects = new Map<GroupResource, Map<string, KubeObject>>();
  private readonly uids = new Set<string>();
  private readonly listeners = new Set<Listener>();
  private history: WatchEvent[] = [];
  private forgotten = 0;
  private version = 1000;

  get resourceVersion(): string {
    return String(this.version);
  }

  find(resource: GroupResource, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.objects.get(resource)?.get(keyOf(namespace, name));
  }

  /** Whether this object exists. */
  has(uid: string): boolean {
    return this.uids.has(uid);
  }

  /** @throws StatusError NotFound */
  get(resource: GroupResource, namespace: string | undefined, name: string): KubeObject {
    const object = this.find(resource, namespace, name);
    if (!object) throw notFound(resource, name);
    return object;
  }

  /** In one namespace, or in all. */
  list(resource: GroupResource, namespace?: string): KubeObject[] {
    const all = [...(this.objects.get(resource)?.values() ?? [])];
    return namespace === undefined ? all : all.filter(({ metadata }) => metadata.namespace === namespace);
  }

  /** All objects in a namespace, with their resources. */
  *contentOf(namespace: string): Iterable<[GroupResource, KubeObject]> {
    for (const resource of this.objects.keys())
      for (const object of this.list(resource, namespace)) yield [resource, object];
  }

  *everything(): Iterable<[GroupResource, KubeObject]> {
    for (const [resource, objects] of this.objects)
      for (const object of [...objects.values()]) yield [resource, object];
  }

  /** @throws StatusError AlreadyExists */
  create(resource: GroupResource, object: KubeObject): KubeObject {
    const { name, namespace } = object.metadata;
    const bucket = this.objects.get(resource) ?? new Map<string, KubeObject>();
    this.objects.set(resource, bucket);
    if (bucket.has(keyOf(namespace, name))) throw alreadyExists(resource, name);
    const stored = this.stamp({
      ...object,
      metadata: { ...object.metadata, uid: randomUUID(), creationTimestamp: timestamp() },
    });
    bucket.set(keyOf(namespace, name), stored);
    this.uids.add(stored.metadata.uid!);
    this.emit({ type: 'ADDED', resource, object: stored });
    return stored;
  }

  /**
   * Replaces an object, unless nothing changes. An object that is being deleted disappears with its last finalizer.
   * @throws StatusError NotFound; Conflict if it has a resource version that is not the latest
   */
  update(resource: GroupResource, object: KubeObject): KubeObject {
    const { name, namespace, resourceVersion } = object.metadata;
    const before = this.get(resource, namespace, name);
    if (resourceVersion && resourceVersion !== before.metadata.resourceVersion) throw modified(resource, name);
    const { uid, creationTimestamp } = before.metadata;
    const metadata = { ...object.metadata, uid, creationTimestamp, resourceVersion: before.metadata.resourceVersion };
    if (isDeepStrictEqual({ ...object, metadata }, before)) return before;
    const stored = this.stamp({ ...object, metadata } as KubeObject);
    if (stored.metadata.deletionTimestamp && isKept(before) && !isKept(stored)) return this.drop(resource, stored);
    this.objects.get(resource)!.set(keyOf(namespace, name), stored);
    this.emit({ type: 'MODIFIED', resource, object: stored, before });
    return stored;
  }

  /** Changes an object that may already be gone. */
  change(
    resource: GroupResource,
    namespace: string | undefined,
    name: string,
    edit: (draft: KubeObject) => void,
  ): KubeObject | undefined {
    const object = this.find(resource, namespace, name);
    if (!object) return undefined;
    const draft = copy(object);
    edit(draft);
    return this.update(resource, draft);
  }

  /** Deletes an object, or marks it for deletion while finalizers hold it; returns what was deleted or marked. */
  delete(resource: GroupResource, object: KubeObject, graceSeconds = 0): KubeObject {
    if (!isKept(object) && graceSeconds === 0) return this.drop(resource, this.stamp(object));
    const marked = {
      ...object.metadata,
      deletionTimestamp: object.metadata.deletionTimestamp ?? timestamp(),
      deletionGracePeriodSeconds: graceSeconds,
    };
    return this.update(resource, { ...object, metadata: marked });
  }

  /** Calls the listener for every change from now on, until the returned function is called. */
  watch(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The events after a resource version. @throws StatusError Expired if that is too long ago */
  since(resourceVersion: number): WatchEvent[] {
    if (resourceVersion < this.forgotten)
      throw new StatusError(410, 'Expired', `too old resource version: ${resourceVersion} (${this.forgotten})`);
    return this.history.filter(({ object }) => Number(object.metadata.resourceVersion) > resourceVersion);
  }

  private drop(resource: GroupResource, object: KubeObject): KubeObject {
    const { namespace, name } = object.metadata;
    this.uids.delete(object.metadata.uid!);
    if (this.objects.get(resource)?.delete(keyOf(namespace, name))) this.emit({ type: 'DELETED', resource, object });
    return object;
  }

  private stamp(object: KubeObject): KubeObject {
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.version) } };
  }

  private emit(event: WatchEvent): void {
    this.history.push(event);
    if (this.history.length > historyLength) {
      this.history = this.history.slice(historyLength / 2);
      this.forgotten = Number(this.history[0]!.object.metadata.resourceVersion) - 1;
    }
    for (const listener of [...this.listeners]) listener(event);
  }
}

const keyOf = (namespace: string | undefined, name: string) => `${namespace ?? ''}/${name}`;

/** Whether finalizers hold an object; those of a namespace are in its spec. */
const isKept = ({ metadata, kind, spec }: KubeObject): boolean =>
  (metadata.finalizers?.length ?? 0) > 0 || (kind === 'Namespace' && (spec?.finalizers?.length ?? 0) > 0);

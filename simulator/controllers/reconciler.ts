import { controllerOf, type KubeObject } from '../objects.js';
import { StatusError, type GroupResource } from '../status.js';
import type { Store, WatchEvent } from '../store.js';
import type { Timers } from '../timers.js';

type Work = (object: KubeObject) => void;

const retryMs = 100;

/** Calls controllers with the current state of changed objects, and again if they could not finish. */
export class Reconciler {
  private readonly queue = new Map<string, () => void>();
  private readonly stop: () => void;
  private readonly rules: { resource: GroupResource; work: Work; owns: string | undefined }[] = [];

  constructor(
    private readonly store: Store,
    private readonly timers: Timers,
  ) {
    this.stop = store.watch((event) => this.notice(event));
  }

  /** @param owns the kind whose changed dependants count as a change of it */
  on(resource: GroupResource, work: Work, owns?: string): void {
    this.rules.push({ resource, work, owns });
    for (const { metadata } of this.store.list(resource))
      this.enqueue(resource, metadata.namespace, metadata.name, work);
  }

  close(): void {
    this.stop();
    this.queue.clear();
  }

  private notice({ type, resource, object }: WatchEvent): void {
    const { namespace, name } = object.metadata;
    const owner = controllerOf(object);
    for (const rule of this.rules) {
      if (rule.resource === resource && type !== 'DELETED') this.enqueue(resource, namespace, name, rule.work);
      if (rule.owns && rule.owns === owner?.kind) this.enqueue(rule.resource, namespace, owner.name, rule.work);
    }
  }

  private enqueue(resource: GroupResource, namespace: string | undefined, name: string, work: Work, delayMs = 0): void {
    const key = `${this.rules.findIndex((rule) => rule.work === work)} ${namespace}/${name}`;
    if (this.queue.has(key)) return;
    const reconcile = () => {
      if (!this.queue.delete(key)) return;
      const object = this.store.find(resource, namespace, name);
      if (!object) return;
      try {
        work(object);
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        this.enqueue(resource, namespace, name, work, retryMs);
      }
    };
    this.queue.set(key, reconcile);
    this.timers.after(delayMs, reconcile);
  }
}

/**
 * An object as it is stored. For most kinds, no code here knows the fields, hence `any`.
 * Never modify what the store returns: `copy` it first.
 */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
  [field: string]: any;
}

interface Metadata {
  name: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: ManagedFields[];
}

interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
}

export interface ManagedFields {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  time: string;
  fieldsType: 'FieldsV1';
  fieldsV1: object;
}

export const copy = <Value>(value: Value): Value => structuredClone(value);

/** The time in the API's format, with a precision of seconds. */
export const timestamp = (date = new Date()): string => date.toISOString().replace(/\.\d+Z$/, 'Z');

export const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function ownerReference({ apiVersion, kind, metadata }: KubeObject): OwnerReference {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid!, controller: true };
}

export const controllerOf = ({ metadata }: KubeObject): OwnerReference | undefined =>
  metadata.ownerReferences?.find(({ controller }) => controller);

/** Whether the object has all these labels. */
export function hasLabels({ metadata }: KubeObject, labels: Record<string, string> = {}): boolean {
  return Object.entries(labels).every(([key, value]) => metadata.labels?.[key] === value);
}

export const isReady = ({ metadata, status }: KubeObject): boolean =>
  metadata.deletionTimestamp === undefined &&
  status?.conditions?.some((c: { type: string; status: string }) => c.type === 'Ready' && c.status === 'True') === true;

/** Sets a condition; its transition time changes only with its status. */
export function setCondition(object: KubeObject, type: string, status: boolean, more: object = {}): void {
  object.status ??= {};
  const conditions: { type: string; status: string; lastTransitionTime?: string }[] = object.status.conditions ?? [];
  const before = conditions.find((condition) => condition.type === type);
  const text = status ? 'True' : 'False';
  const lastTransitionTime = before?.status === text ? before.lastTransitionTime : timestamp();
  object.status.conditions = [
    ...conditions.filter((condition) => condition !== before),
    { type, status: text, lastTransitionTime, ...more },
  ];
}

export const toBase64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');
export const fromBase64 = (text = ''): string => Buffer.from(text, 'base64').toString('utf8');

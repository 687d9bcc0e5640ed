import type { KubernetesObject, V1ObjectMeta } from '@kubernetes/client-node';
import * as z from 'zod';

/** An object from the API, of which the name and the fields that matter have been validated. */
export type Found<Kind extends KubernetesObject = KubernetesObject> = Kind & {
  metadata: V1ObjectMeta & {
    name: string;
    labels: Partial<Record<string, string>>;
    annotations: Partial<Record<string, string>>;
  };
};

/** Strings by key, such as labels. */
export const texts = z
  .record(z.string(), z.string())
  .nullish()
  .transform((entries) => entries ?? {});
const answeredObject = z.looseObject({
  metadata: z.looseObject({
    name: z.string().min(1),
    namespace: z.string().optional(),
    uid: z.string().optional(),
    resourceVersion: z.string().optional(),
    labels: texts,
    annotations: texts,
  }),
});
/**
 * An answer in the form that the caller needs.
 * @throws Error that names what is missing or invalid in it
 */
export function checked<Shape extends z.ZodType>(shape: Shape, answer: unknown, what: string): z.output<Shape> {
  const parsed = shape.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new Error(
    `${what} cannot be used: its ${parsed.error.issues[0]?.path.join('.') || 'form'} is missing or invalid`,
  );
}

/**
 * The validated object. The annotations of pods are dropped, because vcluster may write tokens into them that are valid for
 * years: what is not read cannot get into a message, a log or an archive. Nothing depends on them.
 */
export function found<Kind extends KubernetesObject>(kind: string, answer: unknown, what: string): Found<Kind> {
  const validated = checked(answeredObject, answer, what);
  if (kind === 'Pod') validated.metadata.annotations = {};
  // Whatever decides something beyond the metadata is validated where it is used; the rest follows Kubernetes' definitions.
  const object: unknown = validated;
  return object as Found<Kind>;
}

/** The `Accept` header with which only the metadata of an object, or of a list, is answered. */
export const metadataOnly = (kind: string) => `application/json;as=${kind};g=meta.k8s.io;v=v1, application/json`;

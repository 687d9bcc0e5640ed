import * as z from 'zod';
import type { Cluster } from './cluster.js';
import { create } from './objects.js';

const selfSubject = z.object({ status: z.object({ userInfo: z.object({ username: z.string() }) }) });

/**
 * The name under which the API server knows these credentials.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/authentication/#self-subject-review
 */
export async function whoAmI(host: Cluster): Promise<string> {
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  return selfSubject.parse(await create(host, review)).status.userInfo.username;
}

/** A kind of failure, to test what people are told. */
export const faultNames = [
  'pods-pending',
  'tls-terminated',
  'remote-secret-wrong',
  'api-down',
  'slow',
  'forbidden',
] as const;
export type Fault = (typeof faultNames)[number];

/** What `forbidden` forbids in the host cluster: verb and resource. */
export const forbiddenCalls: readonly string[] = [
  'create statefulsets.apps',
  'create rolebindings.rbac.authorization.k8s.io',
  'patch networkpolicies.networking.k8s.io',
];

/** Why a pod stays Pending with `pods-pending`, in the scheduler's words. */
export const unschedulable = '0/1 nodes are available: 1 Insufficient cpu.';

/** How much longer every call takes with `slow`, ms. */
export const slowness = 300;

/** The current fault, read wherever something may fail. */
export class Faults {
  constructor(public active?: Fault | undefined) {}

  is(fault: Fault): boolean {
    return this.active === fault;
  }
}

/** A kind of failure, to test what people are told. */
export const faultNames = [
  'pods-pending',
  'tls-terminated',
  'remote-secret-wrong',
  'secret-unnoticed',
  'api-down',
  'slow',
  'forbidden',
  'approval-forbidden',
] as const;
export type Fault = (typeof faultNames)[number];

/** A call that nobody may make while a fault is active. */
interface ForbiddenCall {
  fault: Fault;
  /** In the host cluster, or in every virtual cluster. */
  where: 'host' | 'virtual';
  /** Verb and resource. */
  call: string;
}

const forbiddenCalls: readonly ForbiddenCall[] = [
  { fault: 'forbidden', where: 'host', call: 'create statefulsets.apps' },
  { fault: 'forbidden', where: 'host', call: 'create rolebindings.rbac.authorization.k8s.io' },
  { fault: 'forbidden', where: 'host', call: 'patch networkpolicies.networking.k8s.io' },
  {
    fault: 'approval-forbidden',
    where: 'virtual',
    call: 'patch certificatesigningrequests/approval.certificates.k8s.io',
  },
];

/** Why a pod stays Pending with `pods-pending`, in the scheduler's words. */
export const unschedulable = '0/1 nodes are available: 1 Insufficient cpu.';

/** How much longer every call takes with `slow`, ms. */
export const slowness = 300;

/** The current fault, read wherever something may fail. */
export class Faults {
  /** How far the clock is ahead that answers show, ms. */
  clockAheadMs = 0;
  private losing: RegExp | undefined;

  /** The next call like this is carried out, but its answer does not arrive. */
  loseAnswerTo(call: RegExp): void {
    this.losing = call;
  }

  /** Whether the answer to this call is lost; only the first time. */
  takesAnswerTo(call: string): boolean {
    if (!this.losing?.test(call)) return false;
    this.losing = undefined;
    return true;
  }

  constructor(public active?: Fault | undefined) {}

  is(fault: Fault): boolean {
    return this.active === fault;
  }

  /** The calls that are forbidden there at this moment. */
  forbiddenIn(place: ForbiddenCall['where']): string[] {
    return forbiddenCalls.filter(({ fault, where }) => this.is(fault) && where === place).map(({ call }) => call);
  }
}

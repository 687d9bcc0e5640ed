import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RbacV1Subject, V1PolicyRule } from '@kubernetes/client-node';
import { waysIn, type AccessObjects } from '../../../../src/k8s/credentials/other-access.js';

const users = ['u-istio', 'u-bob-u0b'];
const none: Partial<AccessObjects> = {};

const group = (name: string): RbacV1Subject => ({ kind: 'Group', name });
const user = (name: string): RbacV1Subject => ({ kind: 'User', name });
const account = (namespace: string | undefined, name: string): RbacV1Subject => ({
  kind: 'ServiceAccount',
  name,
  ...(namespace && { namespace }),
});

const clusterBinding = (name: string, role: string, ...subjects: RbacV1Subject[]): Partial<AccessObjects> => ({
  ...none,
  clusterRoleBindings: [
    {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects,
    },
  ],
});
const binding = (place: string, role: string, ...subjects: RbacV1Subject[]): Partial<AccessObjects> => {
  const [namespace = '', name = ''] = place.split('/');
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: role };
  return { ...none, roleBindings: [{ metadata: { namespace, name }, roleRef, subjects }] };
};
const token = (place: string, ofAccount: string): Partial<AccessObjects> => {
  const [namespace = '', name = ''] = place.split('/');
  const annotations = { 'kubernetes.io/service-account.name': ofAccount };
  return { ...none, tokenSecrets: [{ metadata: { namespace, name, annotations } }] };
};

const role = (name: string, rule: V1PolicyRule, namespace?: string): Partial<AccessObjects> => ({
  [namespace ? 'roles' : 'clusterRoles']: [{ metadata: { name, ...(namespace && { namespace }) }, rules: [rule] }],
});
const pod = (place: string, serviceAccountName: string, owner?: string): Partial<AccessObjects> => {
  const [namespace = '', name = ''] = place.split('/');
  const ownerReferences = owner
    ? [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: '1', controller: true }]
    : [];
  return { pods: [{ metadata: { namespace, name, ownerReferences }, spec: { containers: [], serviceAccountName } }] };
};
const everything = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] };

/** As in a demo with vcluster 0.28 and Istio 1.31. */
const ofNewDemo: [string, Partial<AccessObjects>][] = [
  ['the administrators of Kubernetes', clusterBinding('cluster-admin', 'cluster-admin', group('system:masters'))],
  ['the Dashboard’s administrator', clusterBinding('admin-user', 'cluster-admin', account('kubernetes-dashboard', 'admin-user'))],
  ['a person of vcdemo', clusterBinding('vcdemo-admin-u-bob-u0b', 'cluster-admin', user('u-bob-u0b'))],
  ['discovery', clusterBinding('system:discovery', 'system:discovery', group('system:authenticated'))],
  ['a controller', clusterBinding('system:controller:job-controller', 'system:controller:job-controller', account('kube-system', 'job-controller'))],
  ['istiod', clusterBinding('istiod-clusterrole-istio-system', 'istiod-clusterrole-istio-system', account('istio-system', 'istiod'))],
  ['the other istiod', clusterBinding('istio-reader-clusterrole-istio-system', 'istio-reader-clusterrole-istio-system', account('istio-system', 'istio-reader-service-account'))],
  ['the gateway, whose namespace is that of its binding', binding('istio-system/istio-ingressgateway-sds', 'istio-ingressgateway-sds', account(undefined, 'istio-ingressgateway-service-account'))],
  ['the scheduler', binding('kube-system/system::leader-locking-kube-scheduler', 'system::leader-locking-kube-scheduler', user('system:kube-scheduler'))],
  ['discovery for everybody', role('system:discovery', { nonResourceURLs: ['/api', '/api/*', '/healthz'], verbs: ['get'] })],
  ['what everybody may ask about themselves', role('system:basic-user', { apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], verbs: ['create'] })],
  ['the role of administrators', role('cluster-admin', everything)],
  ['the controller that aggregates roles', role('system:controller:clusterrole-aggregation-controller', { apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'], verbs: ['escalate', 'get', 'list', 'patch', 'update', 'watch'] })],
  ['the garbage collector', role('system:controller:generic-garbage-collector', { apiGroups: ['*'], resources: ['*'], verbs: ['delete', 'get', 'list', 'patch', 'update', 'watch'] })],
  ['istiod’s own role', role('istiod-clusterrole-istio-system', { apiGroups: ['gateway.networking.k8s.io'], resources: ['*'], verbs: ['get', 'watch', 'list'] })],
  ['istiod’s pod', pod('istio-system/istiod-5d8f-x', 'istiod', 'istiod-5d8f')],
  ['the pod of CoreDNS', pod('kube-system/coredns-7b-x', 'coredns', 'coredns-7b')],
  ['an app’s pod', pod('default/app', 'default')],
  ['the token in the remote secret', token('istio-system/istio-reader-service-account-istio-remote-secret-token', 'istio-reader-service-account')],
]; // prettier-ignore

describe('the other ways into a virtual cluster', () => {
  for (const [what, objects] of ofNewDemo) test(`are not ${what}`, () => assert.deepEqual(waysIn(objects, users), []));

  const leftOpen: [string, Partial<AccessObjects>, string][] = [
    [
      'a user to whom vcdemo issued nothing',
      clusterBinding('vcdemo-admin-u-eve-u0e', 'cluster-admin', user('u-eve-u0e')),
      'ClusterRoleBinding vcdemo-admin-u-eve-u0e (User u-eve-u0e)',
    ],
    ['another user', clusterBinding('mine', 'cluster-admin', user('eve')), 'ClusterRoleBinding mine (User eve)'],
    ['everybody, by a name like Kubernetes’ own', clusterBinding('system:basic', 'cluster-admin', group('system:authenticated')), 'ClusterRoleBinding system:basic (Group system:authenticated)'],
    ['people without a certificate', clusterBinding('system:public-info-viewer', 'cluster-admin', group('system:unauthenticated')), 'ClusterRoleBinding system:public-info-viewer (Group system:unauthenticated)'],
    ['the anonymous user', clusterBinding('istio-x', 'admin', user('system:anonymous')), 'ClusterRoleBinding istio-x (User system:anonymous)'],
    ['istiod as administrator', clusterBinding('istiod', 'cluster-admin', account('istio-system', 'istiod')), 'ClusterRoleBinding istiod (ServiceAccount istio-system/istiod)'],
    ['an account in kube-system', clusterBinding('system:controller:x', 'cluster-admin', account('kube-system', 'default')), 'ClusterRoleBinding system:controller:x (ServiceAccount kube-system/default)'],
    ['somebody under the name of a person of vcdemo', clusterBinding('vcdemo-admin-u-bob-u0b', 'cluster-admin', user('eve')), 'ClusterRoleBinding vcdemo-admin-u-bob-u0b (User eve)'],
    ['a second subject beside the right one', clusterBinding('cluster-admin', 'cluster-admin', group('system:masters'), user('eve')), 'ClusterRoleBinding cluster-admin (User eve)'],
    ['a role in istio-system', binding('istio-system/istiod', 'istiod', account('default', 'default')), 'RoleBinding istio-system/istiod (ServiceAccount default/default)'],
    ['a token in kube-system', token('kube-system/coredns-token', 'coredns'), 'Secret kube-system/coredns-token (token of ServiceAccount kube-system/coredns)'],
    ['everybody, by more rules in a role of Kubernetes', role('system:discovery', { apiGroups: [''], resources: ['secrets'], verbs: ['get'] }), 'ClusterRole system:discovery (was changed to grant more, to everybody)'],
    ['everybody, by all paths', role('system:public-info-viewer', { nonResourceURLs: ['*'], verbs: ['get'] }), 'ClusterRole system:public-info-viewer (was changed to grant more, to everybody)'],
    ['a known account, by everything in its role', role('system:coredns', everything), 'ClusterRole system:coredns (was changed to grant more)'],
    ['a known account, by the right to act as others', role('istiod', { apiGroups: [''], resources: ['users'], verbs: ['impersonate'] }, 'istio-system'), 'Role istio-system/istiod (was changed to grant more)'],
    ['a pod with the account of the Dashboard’s administrator', pod('kubernetes-dashboard/shell', 'admin-user'), 'Pod kubernetes-dashboard/shell (runs as ServiceAccount kubernetes-dashboard/admin-user)'],
    ['a pod with istiod’s account that is not istiod’s', pod('istio-system/istiod-2', 'istiod', 'mine-5d8f'), 'Pod istio-system/istiod-2 (runs as ServiceAccount istio-system/istiod)'],
    ['a pod with the account of a controller', pod('kube-system/x', 'clusterrole-aggregation-controller'), 'Pod kube-system/x (runs as ServiceAccount kube-system/clusterrole-aggregation-controller)'],
    ['a certificate', { ...none, certificateRequests: [{ metadata: { name: 'csr-1' }, spec: { request: '', signerName: 'kubernetes.io/kube-apiserver-client', username: 'u-eve' }, status: { certificate: 'Y2VydA==' } }] }, 'CertificateSigningRequest csr-1 (issued to u-eve)'],
  ]; // prettier-ignore
  for (const [what, objects, listed] of leftOpen)
    test(`are listed if they were opened to ${what}`, () => assert.deepEqual(waysIn(objects, users), [listed]));
});

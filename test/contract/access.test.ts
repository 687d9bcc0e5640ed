import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { it } from 'node:test';
import {
  type V1CertificateSigningRequest,
  type V1Secret,
  type V1SelfSubjectAccessReview,
  type V1SelfSubjectReview,
} from '@kubernetes/client-node';
import type { ApiCall } from '../../src/k8s/client/cluster.js';
import { apply, read, remove } from '../../src/k8s/client/objects.js';
import { pathOf } from '../../src/k8s/client/discovery.js';
import type { Manifest } from '../../src/k8s/client/manifest.js';
import { certificateRequest, generateUserKey } from '../../src/k8s/credentials/x509.js';
import { assertRefused, describeContract } from '../support/contract.js';
import { waitFor } from '../support/wait-for.js';
import { create, request } from '../support/answers.js';

describeContract('authentication and access', (api) => {
  const { namespace, secret, secretPath } = api;

  it('treats a request without credentials as anonymous and refuses it', async () => {
    const nobody = api.as({});
    await assertRefused(
      nobody.request({ method: 'GET', path: '/api/v1/namespaces' }),
      403,
      'Forbidden',
      /namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the cluster scope/,
    );
    await assertRefused(
      nobody.request({ method: 'GET', path: secretPath('x') }),
      403,
      'Forbidden',
      new RegExp(
        `secrets "x" is forbidden: User "system:anonymous" cannot get resource "secrets" in API group "" in the namespace "${namespace}"`,
      ),
    );
    assert.ok(await nobody.request({ method: 'GET', path: '/version' }));
    nobody.close();
  });

  it('refuses an invalid token', async () => {
    const liar = api.as({ token: 'not.a.token' });
    await assertRefused(
      liar.request({ method: 'GET', path: '/api/v1/namespaces' }),
      401,
      'Unauthorized',
      /Unauthorized/,
    );
    liar.close();
  });

  it('tells the administrator that everything is allowed', async () => {
    const review = await create<{ status?: { allowed: boolean } } & Manifest>(api.cluster, {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb: '*', group: '*', resource: '*' } },
    });
    assert.equal(review.status?.allowed, true);
  });

  it('issues a ServiceAccount token with the permissions bound to the account and no more', async () => {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/default/token`;
    const ask = (expirationSeconds: number): ApiCall => ({
      method: 'POST',
      path,
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds } },
    });
    await assertRefused(
      api.cluster.request(ask(60)),
      422,
      'Invalid',
      /may not specify a duration less than 10 minutes/,
    );
    await assertRefused(
      api.cluster.request({ ...ask(600), path: path.replace('default', 'none') }),
      404,
      'NotFound',
      /serviceaccounts "none" not found/,
    );
    const { status } = await request<{ status: { token: string; expirationTimestamp: string } }>(api.cluster, ask(600));
    assert.ok(Math.abs(Date.parse(status.expirationTimestamp) - Date.now() - 600_000) < 30_000);
    const account = api.as({ token: status.token });
    const who = await create<V1SelfSubjectReview>(account, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'SelfSubjectReview',
    });
    assert.equal(who.status?.userInfo?.username, `system:serviceaccount:${namespace}:default`);
    const look: ApiCall = { method: 'GET', path: `/api/v1/namespaces/${namespace}/configmaps` };
    await assertRefused(
      account.request(look),
      403,
      'Forbidden',
      new RegExp(`User "system:serviceaccount:${namespace}:default" cannot list resource "configmaps"`),
    );
    await create(api.cluster, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'viewer', namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'ServiceAccount', name: 'default', namespace }],
    });
    await waitFor('the binding to take effect', () =>
      account.request(look).then(
        () => true,
        () => false,
      ),
    );
    // Only what the role allows, and only in the namespace of the binding.
    const refusals: [ApiCall, RegExp][] = [
      [{ method: 'GET', path: '/api/v1/namespaces/default/configmaps' }, /in the namespace "default"/],
      [{ method: 'GET', path: `/api/v1/namespaces/${namespace}/secrets` }, /cannot list resource "secrets"/],
      [{ method: 'DELETE', path: look.path.concat('/x') }, /cannot delete resource "configmaps"/],
      [{ method: 'POST', path, body: {} }, /cannot create resource "serviceaccounts\/token"/],
    ];
    for (const [call, message] of refusals) await assertRefused(account.request(call), 403, 'Forbidden', message);
    const mayI = async (resourceAttributes: object) => {
      const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview' };
      const asked = await create<V1SelfSubjectAccessReview>(account, { ...review, spec: { resourceAttributes } });
      return asked.status?.allowed;
    };
    assert.equal(await mayI({ verb: 'list', resource: 'configmaps', namespace }), true);
    assert.equal(await mayI({ verb: 'list', resource: 'configmaps' }), false);
    assert.equal(await mayI({ verb: 'create', resource: 'pods', subresource: 'exec', namespace }), false);
    assert.equal(await mayI({ verb: '*', group: '*', resource: '*' }), false);
    account.close();
  });

  it('fills a token Secret for a ServiceAccount', async () => {
    const annotations = { 'kubernetes.io/service-account.name': 'default' };
    const token = {
      ...secret('token'),
      metadata: { name: 'token', namespace, annotations },
      type: 'kubernetes.io/service-account-token',
    };
    await apply(api.cluster, token);
    const data = await waitFor('the token', async () => {
      const found = await read<V1Secret>(api.cluster, token);
      return found?.data?.token ? found.data : undefined;
    });
    assert.equal(Buffer.from(data.namespace!, 'base64').toString(), namespace);
    assert.match(Buffer.from(data['ca.crt']!, 'base64').toString(), /BEGIN CERTIFICATE/);
    assert.match(Buffer.from(data.token!, 'base64').toString(), /^eyJ/);
  });

  it('signs an approved certificate request and accepts the certificate as its user', async () => {
    const name = `${namespace}-person`;
    const key = await generateUserKey();
    const request = Buffer.from(
      certificateRequest(key, [
        ['CN', name],
        ['O', 'people'],
      ]),
    ).toString('base64');
    const csr = (fields: object) => ({
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name },
      spec: {
        request,
        signerName: 'kubernetes.io/kube-apiserver-client',
        expirationSeconds: 1200,
        usages: ['client auth'],
        ...fields,
      },
    });
    await assertRefused(
      create(api.cluster, csr({ expirationSeconds: 60 })),
      422,
      'Invalid',
      /may not specify a duration less than 600 seconds/,
    );
    await assertRefused(
      create(api.cluster, csr({ request: 'eA==' })),
      422,
      'Invalid',
      /PEM block type must be CERTIFICATE REQUEST/,
    );
    await assertRefused(create(api.cluster, csr({ usages: [] })), 422, 'Invalid', /spec\.usages: Required value/);
    const asMaster = certificateRequest(key, [['O', 'system:masters']]);
    await assertRefused(
      create(api.cluster, csr({ request: Buffer.from(asMaster).toString('base64') })),
      403,
      'Forbidden',
      /signer with system:masters group is not allowed/,
    );
    const made = await create<V1CertificateSigningRequest>(api.cluster, csr({}));
    assert.equal(made.status?.certificate, undefined);
    const approval = `${await pathOf(api.cluster, made as never)}/approval`;
    const approve = (...conditions: object[]): Promise<unknown> =>
      api.cluster.request({
        method: 'PATCH',
        path: approval,
        contentType: 'application/merge-patch+json',
        body: { status: { conditions } },
      });
    const half = approve({ type: 'Approved', status: 'False' });
    await assertRefused(half, 422, 'Invalid', /status\.conditions\[0\]\.status: Unsupported value: "False"/);
    await approve({ type: 'Approved', status: 'True', reason: 'Test', message: 'test' });
    await assertRefused(approve(), 422, 'Invalid', /updates may not remove a condition of type "Approved"/);
    const pem = await waitFor(
      'the certificate',
      async () => (await read<V1CertificateSigningRequest>(api.cluster, csr({})))?.status?.certificate,
    );
    const certificate = new X509Certificate(Buffer.from(pem, 'base64'));
    assert.deepEqual(certificate.subject.split('\n').toSorted(), [`CN=${name}`, 'O=people']);
    assert.ok(Math.abs(Date.parse(certificate.validTo) - Date.now() - 1_200_000) < 400_000);
    await remove(api.cluster, csr({}));
    const keyData = Buffer.from(key.privateKey.export({ type: 'pkcs8', format: 'pem' })).toString('base64');
    const person = api.as({ certData: pem, keyData });
    await assertRefused(
      person.request({ method: 'GET', path: '/api/v1/nodes' }),
      403,
      'Forbidden',
      new RegExp(`User "${name}" cannot list resource "nodes"`),
    );
    const binding: Manifest = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'User', name, apiGroup: 'rbac.authorization.k8s.io' }],
    };
    await create(api.cluster, binding);
    try {
      await waitFor('the binding to take effect', () =>
        person.request({ method: 'GET', path: '/api/v1/nodes' }).then(
          () => true,
          () => false,
        ),
      );
    } finally {
      await remove(api.cluster, binding);
      person.close();
    }
  });
});

import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import https from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { anonymous, authenticate, isAllowed, type Attributes } from './access.js';
import type { User } from './admission.js';
import { discover, PageNotFound } from './discovery.js';
import type { Authority } from './certificates.js';
import { slowness, type Faults } from './faults.js';
import { groupVersionOf, resourceOf, type Kind } from './kinds.js';
import { timestamp, type KubeObject } from './objects.js';
import { representationFor } from './representations.js';
import type { PodRuntime } from './pod-runtime.js';
import type { DeleteOptions, Resources } from './resources.js';
import {
  deleteQuery,
  pathOf,
  readBody,
  readRequest,
  selection,
  writeOptions,
  type ResourceRequest,
} from './request.js';
import { badRequest, forbidden, invalid, StatusError } from './status.js';
import { findStream, isStream, serveStream } from './streams.js';
import type { Store } from './store.js';
import { issueToken } from './tokens.js';
import { streamEvents } from './watch.js';

/** What an API server serves. */
export interface ServedCluster {
  store: Store;
  resources: Resources;
  authority: Authority;
  runtime: PodRuntime;
  faults: Faults;
  isHost: boolean;
  kinds(): readonly Kind[];
}

/** The HTTPS endpoint of one Kubernetes API. */
export class ApiServer {
  readonly server: https.Server;
  /** How many requests it has received, without streams. */
  answered = 0;
  private readonly sockets = new Set<Socket>();

  constructor(
    private readonly cluster: ServedCluster,
    tls: { cert: string; key: string },
  ) {
    const ca = cluster.authority.certificate;
    this.server = https.createServer(
      { ...tls, ca, requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        void this.answer(request, response);
      },
    );
    this.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    this.server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      try {
        serveStream(cluster, this.authorize(this.read(request)), request, socket, head);
      } catch (error) {
        refuseUpgrade(socket, statusOf(error));
      }
    });
    this.server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /**
   * A port that the server chooses is below those of outgoing connections, so that nothing takes it while the server is down.
   * @returns the port, of 127.0.0.1
   */
  async listen(port = 0): Promise<number> {
    const chosen = port || randomInt(20_000, 32_000);
    try {
      this.server.listen(chosen, '127.0.0.1');
      await once(this.server, 'listening');
      return chosen;
    } catch (error) {
      if (port > 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      return await this.listen();
    }
  }

  /** Closes all connections and refuses new ones. */
  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.answered++;
    const { socket } = request;
    const isLost = this.cluster.faults.takesAnswerTo(`${request.method} ${request.url}`);
    if (isLost) response.detachSocket(socket);
    response.setHeader('date', new Date(Date.now() + this.cluster.faults.clockAheadMs).toUTCString());
    try {
      if (this.cluster.faults.is('slow')) await new Promise((resolve) => setTimeout(resolve, slowness));
      const path = pathOf(request);
      if (/^\/(healthz|readyz|livez)(\/|$)/.test(path)) return void response.end('ok');
      const user = this.userOf(request);
      const found = request.method === 'GET' ? discover(path, this.cluster.kinds()) : undefined;
      if (found) {
        if (user === anonymous && path !== '/version')
          throw new StatusError(403, 'Forbidden', `forbidden: User "${user.name}" cannot get path "${path}"`, {});
        return sendJson(response, 200, found);
      }
      const understood = this.authorize(this.read(request));
      const representation = representationFor(request.headers.accept);
      if (understood.verb === 'watch') {
        const { kind, query } = understood;
        const { store } = this.cluster;
        return streamEvents(response, {
          store,
          resource: resourceOf(kind),
          selects: selection(understood),
          representation,
          query,
        });
      }
      await this.serve(understood, request, response);
    } catch (error) {
      if (error instanceof PageNotFound) response.writeHead(404).end(error.message);
      else sendJson(response, statusOf(error).code, statusOf(error).body);
    } finally {
      if (isLost) socket.destroy();
    }
  }

  private userOf(request: IncomingMessage): User {
    const { store, authority } = this.cluster;
    return authenticate(store, authority.privateKey, request.socket as TLSSocket, request.headers.authorization);
  }

  private read(request: IncomingMessage): ResourceRequest {
    return readRequest(this.cluster.kinds(), this.userOf(request), request);
  }

  /** @throws StatusError Forbidden */
  private authorize(request: ResourceRequest): ResourceRequest {
    const { user, verb, kind, name, subresource } = request;
    if (kind.kind.endsWith('Review') && user !== anonymous) return request;
    const namespace = request.namespace ?? (kind.kind === 'Namespace' && name ? name : undefined);
    const resource = `${kind.plural}${subresource ? `/${subresource}` : ''}`;
    if (this.isAllowed(user, { verb, group: kind.group, resource, namespace, name })) return request;
    throw forbidden(
      resourceOf(kind),
      name,
      `User "${user.name}" cannot ${verb} resource "${resource}" in API group "${kind.group}" ${namespace ? `in the namespace "${namespace}"` : 'at the cluster scope'}`,
    );
  }

  private isAllowed(user: User, asked: Attributes): boolean {
    const { verb, group, resource } = asked;
    const taken = this.cluster.faults.forbiddenIn(this.cluster.isHost ? 'host' : 'virtual');
    if (taken.length > 0 && (verb === '*' || taken.includes(`${verb} ${resource}${group && `.${group}`}`)))
      return false;
    return isAllowed(this.cluster.store, user, asked);
  }

  private async serve(request: ResourceRequest, message: IncomingMessage, response: ServerResponse): Promise<void> {
    const { verb, kind, namespace, name, subresource, query } = request;
    const { resources, store } = this.cluster;
    const representation = representationFor(message.headers.accept);
    const send = (code: number, object: KubeObject) =>
      sendJson(response, code, representation.one({ ...object, apiVersion: groupVersionOf(kind) }));

    if (verb === 'get' && subresource === 'log')
      return void response.end('simulated cluster: its containers write no logs\n');
    if (isStream(subresource)) {
      findStream(this.cluster, request);
      throw badRequest('Upgrade request required');
    }
    if (verb === 'get') return send(200, store.get(resourceOf(kind), namespace, name));
    if (verb === 'list') {
      const objects = store.list(resourceOf(kind), namespace).filter(selection(request));
      return sendJson(
        response,
        200,
        representation.list(kind.kind, groupVersionOf(kind), store.resourceVersion, objects),
      );
    }

    const body = await readBody(message);
    const options = writeOptions(request, message);
    if (verb === 'create' && kind.kind.endsWith('Review')) return sendJson(response, 201, this.review(request, body));
    if (verb === 'create' && subresource === 'token') return sendJson(response, 201, this.token(request, body));
    if (verb === 'create') return send(201, resources.create({ kind, namespace }, body, options));
    if (verb === 'delete') {
      const deleted = resources.delete(
        { kind, namespace, name },
        { ...deleteQuery(query), ...(body as DeleteOptions) },
        options,
      );
      return deleted.metadata.deletionTimestamp ? send(200, deleted) : sendJson(response, 200, deletion(kind, deleted));
    }
    const target = { kind, namespace, name };
    if (verb === 'update') return send(200, resources.replace(target, body, options));
    const type = (message.headers['content-type'] ?? '').split(';')[0]!;
    const { object, created } = resources.patch(target, type, body, options);
    return send(created ? 201 : 200, object);
  }

  /** Reviews: who is the user, and may they do something? */
  private review({ user, kind }: ResourceRequest, body: unknown): object {
    const { spec } = body as { spec?: { resourceAttributes?: Partial<Attributes & { subresource: string }> } };
    const answer = { kind: kind.kind, apiVersion: groupVersionOf(kind), metadata: {}, spec };
    if (kind.kind === 'SelfSubjectReview')
      return { ...answer, status: { userInfo: { username: user.name, groups: user.groups } } };
    const { verb = '', group = '', resource = '', subresource, namespace, name = '' } = spec?.resourceAttributes ?? {};
    const whole = `${resource}${subresource ? `/${subresource}` : ''}`;
    return { ...answer, status: { allowed: this.isAllowed(user, { verb, group, resource: whole, namespace, name }) } };
  }

  private boundSecret(
    namespace: string | undefined,
    { name, uid }: NonNullable<TokenRequestSpec['boundObjectRef']>,
  ): { name: string; uid: string } {
    const secret = this.cluster.store.get('secrets', namespace, name);
    if (secret.metadata.uid !== uid)
      throw new StatusError(
        409,
        'Conflict',
        `the UID in the bound object reference (${uid}) does not match the UID in record`,
      );
    return { name, uid };
  }

  /** TokenRequest: a token for a ServiceAccount. */
  private token({ namespace, name }: ResourceRequest, body: unknown): object {
    const account = this.cluster.store.get('serviceaccounts', namespace, name);
    const { spec = {} } = body as { spec?: TokenRequestSpec };
    const { expirationSeconds = 3600, boundObjectRef } = spec;
    if (expirationSeconds < 600)
      throw invalid(
        'TokenRequest.authentication.k8s.io',
        '',
        `spec.expirationSeconds: Invalid value: ${expirationSeconds}: may not specify a duration less than 10 minutes`,
      );
    const expires = new Date(Date.now() + expirationSeconds * 1000);
    const secret = boundObjectRef && this.boundSecret(namespace, boundObjectRef);
    return {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name, namespace, creationTimestamp: timestamp() },
      spec: { ...spec, expirationSeconds },
      status: {
        token: issueToken(this.cluster.authority.privateKey, account, { expires, ...(secret && { secret }) }),
        expirationTimestamp: timestamp(expires),
      },
    };
  }
}

interface TokenRequestSpec {
  expirationSeconds?: number;
  /** Of the kinds that Kubernetes allows, only Secrets are simulated. */
  boundObjectRef?: { kind: string; name: string; uid: string };
}

function deletion(kind: Kind, { metadata: { name, uid } }: KubeObject): object {
  const details = { name, ...(kind.group && { group: kind.group }), kind: kind.plural, uid };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}

function sendJson(response: ServerResponse, code: number, body: object): void {
  if (response.destroyed) return;
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function refuseUpgrade(socket: Socket, { code, body }: Pick<StatusError, 'code' | 'body'>): void {
  const text = JSON.stringify(body);
  const headers = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close`;
  socket.end(`HTTP/1.1 ${code} ${body.reason}\r\n${headers}\r\n\r\n${text}`);
}

function statusOf(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  // A defect in the simulation itself: report it with the stack.
  const message = `simulated cluster: ${error instanceof Error ? error.stack : String(error)}`;
  return new StatusError(500, 'InternalError', message);
}

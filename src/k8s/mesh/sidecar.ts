import type { V1Pod } from '@kubernetes/client-node';
import * as z from 'zod';
import { parseJson } from '../../json.js';
import { NotYet } from '../client/api-errors.js';
import type { Cluster } from '../client/cluster.js';
import { list } from '../client/lists.js';
import type { Found } from '../client/answers.js';
import { podProblem } from '../workloads/pods.js';

/*
 * What Envoy's admin interface says in the pod of sleep. Its port is open inside the pod alone, and the container of sleep
 * has curl, which that of the sidecar may not have.
 * @see https://www.envoyproxy.io/docs/envoy/latest/operations/admin
 */

export const adminUrl = 'http://localhost:15000';

/** @throws NotYet where none is ready */
export async function readySleepPod(cluster: Cluster, namespace: string): Promise<Found<V1Pod>> {
  const pods = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace, labels: { app: 'sleep' } });
  const pod = pods.find((candidate) => podProblem(candidate) === undefined);
  if (!pod)
    throw new NotYet(`there is no ready sleep pod in ${cluster.name}${pods[0] ? `: ${podProblem(pods[0])}` : ''}`);
  return pod;
}

/** An endpoint of helloworld, as the sidecar of sleep has it. */
export interface SidecarEndpoint {
  /** `10.244.0.7:5000` */
  address: string;
  isHealthy: boolean;
}

/** A line of the page of clusters, about one endpoint. */
interface HostLine {
  /** With the cluster's name. */
  endpoint: string;
  address: string;
  field: string;
  value: string;
}

/**
 * Lines such as `outbound|5000||helloworld.sample.svc.cluster.local::10.244.0.7:5000::rq_total::12`. No part matches the end
 * of a line: a search that goes on from each line through all that follow takes quadratic time.
 */
const hostLine = /^outbound\|\d+\|[^|:\s]*\|[^:\s]+::([\d.]+:\d+|\[[\da-f:]+\]:\d+)::(rq_total|health_flags)::(.*)$/gm;

/** The most characters of the page that are read: a tenant may have written any number. */
const longestPage = 100_000;

function* hostLinesIn(clustersPage: string): Generator<HostLine> {
  const read = clustersPage.slice(0, longestPage);
  // Half a line may end in half a number.
  const whole = read.length < clustersPage.length ? read.slice(0, read.lastIndexOf('\n') + 1) : read;
  for (const [line, address = '', field = '', value = ''] of whole.matchAll(hostLine))
    yield { endpoint: line.slice(0, line.indexOf(`::${field}::`)), address, field, value };
}

/** How many requests it sent to each endpoint since it started; empty where it did not say. */
export function requestsIn(clustersPage: string): Map<string, number> {
  const lines = [...hostLinesIn(clustersPage)].filter(({ field }) => field === 'rq_total');
  return new Map(lines.map(({ endpoint, value }) => [endpoint, Number(value)]));
}

/** At most this many are looked at: a tenant may have made any number. */
const mostEndpoints = 200;

/** Undefined where the page names none: of a Service that the sidecar does not know it says nothing. */
export function endpointsIn(clustersPage: string): SidecarEndpoint[] | undefined {
  const found = new Map<string, SidecarEndpoint>();
  for (const { address, field, value } of hostLinesIn(clustersPage)) {
    if (found.size === mostEndpoints) break;
    if (field === 'health_flags' && !found.has(address))
      found.set(address, { address, isHealthy: value === 'healthy' });
  }
  return found.size > 0 ? [...found.values()] : undefined;
}

/** How the sidecar encrypts its requests to helloworld. */
export interface SidecarTransport {
  /** The peers that it accepts, such as `spiffe://cluster.local/ns/sample/sa/default`; none where it does not use mTLS. */
  peers: string[];
}

const names = z.array(z.object({ exact: z.string().optional() })).default([]);
const clustersDump = z.object({
  configs: z.array(
    z.object({
      cluster: z.object({
        name: z.string(),
        transport_socket_matches: z
          .array(
            z.object({
              name: z.string(),
              transport_socket: z.object({
                typed_config: z.object({
                  common_tls_context: z
                    .object({
                      combined_validation_context: z.object({
                        default_validation_context: z
                          .object({
                            match_subject_alt_names: names,
                            match_typed_subject_alt_names: z
                              .array(z.object({ matcher: z.object({ exact: z.string().optional() }) }))
                              .default([]),
                          })
                          .optional(),
                      }),
                    })
                    .optional(),
                }),
              }),
            }),
          )
          .default([]),
      }),
    }),
  ),
});

/** Of Envoy's dump of one cluster; undefined where it shows none, or something else. */
export function transportIn(dump: string): SidecarTransport | undefined {
  const [first] = clustersDump.safeParse(parseJson(dump)).data?.configs ?? [];
  if (!first) return undefined;
  const peers = first.cluster.transport_socket_matches.flatMap(({ transport_socket: { typed_config: config } }) => {
    const accepted = config.common_tls_context?.combined_validation_context.default_validation_context;
    const exact = [
      ...(accepted?.match_subject_alt_names ?? []),
      ...(accepted?.match_typed_subject_alt_names.map(({ matcher }) => matcher) ?? []),
    ];
    return exact.flatMap((name) => (name.exact === undefined ? [] : [name.exact]));
  });
  return { peers: peers.slice(0, 20) };
}

export interface SidecarCertificate {
  /** `spiffe://cluster.local/ns/sample/sa/sleep` */
  identity: string;
  ends: Date;
}

const certsPage = z.object({
  certificates: z.array(
    z.object({
      cert_chain: z.array(
        z.object({
          subject_alt_names: z.array(z.object({ uri: z.string().optional() })),
          expiration_time: z.string().transform((time) => new Date(time)),
        }),
      ),
    }),
  ),
});

/** The certificate that the sidecar has for its pod; undefined where it has none, or did not say. */
export function certificateIn(page: string): SidecarCertificate | undefined {
  const { certificates = [] } = certsPage.safeParse(parseJson(page)).data ?? {};
  const leaves = certificates.flatMap(({ cert_chain: [leaf] }) => leaf ?? []);
  const leaf = leaves.find(({ subject_alt_names: names }) => names.some(({ uri }) => uri?.startsWith('spiffe://')));
  const identity = leaf?.subject_alt_names.find(({ uri }) => uri?.startsWith('spiffe://'))?.uri;
  const isComplete = leaf && identity !== undefined && !Number.isNaN(leaf.expiration_time.getTime());
  return isComplete ? { identity, ends: leaf.expiration_time } : undefined;
}

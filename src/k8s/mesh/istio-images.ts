import type { DemoConfig } from '../../config.js';

/** The name of an Istio image, with its digest if the configuration has one. */
export function istioImage({ hub, tag, digests }: DemoConfig['istio'], name: 'pilot' | 'proxyv2'): string {
  const digest = digests?.[name];
  return `${hub}/${name}:${tag}${digest === undefined ? '' : `@${digest}`}`;
}

/** Istio's charts add `hub` and `tag` to a plain name, but use a full image reference as it is. */
export function pinnedImages(istio: DemoConfig['istio']): Record<string, unknown> {
  const { pilot, proxyv2 } = istio.digests ?? {};
  const proxy = { image: istioImage(istio, 'proxyv2') };
  return {
    ...(pilot !== undefined && { pilot: { image: istioImage(istio, 'pilot') } }),
    ...(proxyv2 !== undefined && { global: { proxy, proxy_init: proxy } }),
  };
}

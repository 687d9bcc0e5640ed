import type { DemoConfig } from '../config.js';

/** The name of an image of Istio's, with its digest where the configuration has it. */
export function istioImage({ hub, tag, digests }: DemoConfig['istio'], name: 'pilot' | 'proxyv2'): string {
  const digest = digests?.[name];
  return `${hub}/${name}:${tag}${digest === undefined ? '' : `@${digest}`}`;
}

/** Istio's charts put `hub` and `tag` around a name, but take a whole image as it stands. */
export function pinnedImages(istio: DemoConfig['istio']): Record<string, unknown> {
  const { pilot, proxyv2 } = istio.digests ?? {};
  const proxy = { image: istioImage(istio, 'proxyv2') };
  return {
    ...(pilot !== undefined && { pilot: { image: istioImage(istio, 'pilot') } }),
    ...(proxyv2 !== undefined && { global: { proxy, proxy_init: proxy } }),
  };
}

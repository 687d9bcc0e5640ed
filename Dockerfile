# One image for bot and worker; the command selects which. istioctl must be within one minor version of istio.tag.
# Each version may end with @sha256:…; add new defaults to .github/base-images as well.
ARG NODE_VERSION=24-alpine
ARG HELM_VERSION=3.19.0
ARG ISTIO_VERSION=1.30.0

FROM alpine/helm:${HELM_VERSION} AS helm
# With both arguments, the image contains that vcluster chart in /charts; the build fails if the digest differs.
ARG VCLUSTER_VERSION=''
ARG VCLUSTER_DIGEST=''
RUN mkdir /charts; [ -z "$VCLUSTER_VERSION" ] || { \
    helm pull vcluster --repo https://charts.loft.sh --version "$VCLUSTER_VERSION" --destination /charts \
    && echo "${VCLUSTER_DIGEST#sha256:}  /charts/vcluster-$VCLUSTER_VERSION.tgz" | sha256sum -c -; }

FROM istio/istioctl:${ISTIO_VERSION} AS istioctl

FROM node:${NODE_VERSION} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY src src
COPY scripts/build.ts scripts/
RUN npm run build
# The processes, Node with the libraries that it is linked to, and certificates of public CAs: no shell, no package manager.
RUN mkdir -p /image/app /image/tmp && chmod 1777 /image/tmp && cp -R dist /image/app/ \
    && for file in "$(command -v node)" $(ldd "$(command -v node)" | grep -o '/[^ ]*') /etc/ssl/certs/ca-certificates.crt; do \
      mkdir -p "/image${file%/*}" && cp -L "$file" "/image$file"; done

FROM scratch
ENV NODE_ENV=production HOME=/tmp PATH=/usr/local/bin
WORKDIR /app
COPY --from=build /image /
COPY --from=helm /usr/bin/helm /usr/local/bin/helm
COPY --from=helm /charts /charts
COPY --from=istioctl /usr/local/bin/istioctl /usr/local/bin/istioctl
# A number, so that Kubernetes can tell that it is not root.
USER 10001:10001
EXPOSE 3000 3001
# The last flag: otherwise V8 optimises the HTTP parser of fetch (WebAssembly) at the first calls, which takes 35 MB for a moment.
CMD ["node", "--max-semi-space-size=4", "--max-old-space-size=96", "--wasm-tiering-budget=1000000000", "dist/bot/main.js"]

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
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:${NODE_VERSION}
ENV NODE_ENV=production HOME=/tmp
WORKDIR /app
COPY --from=helm /usr/bin/helm /usr/local/bin/helm
COPY --from=helm /charts /charts
COPY --from=istioctl /usr/local/bin/istioctl /usr/local/bin/istioctl
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
# A number, so that Kubernetes can tell that it is not root.
USER 10001:10001
EXPOSE 3000 3001
CMD ["node", "--max-semi-space-size=4", "--max-old-space-size=96", "dist/bot/main.js"]

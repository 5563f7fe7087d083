# The API: `docker build .`.
# The Node of package-lock.json, which the tests ran on, and the programs of dist/, which need nothing else: no node_modules.
# The PostgreSQL of trials outside a cluster stays behind.

FROM node:26.10.0-trixie-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
COPY scripts scripts
RUN npm ci --no-audit --no-fund
COPY .swcrc tsconfig.json ./
COPY apps apps
COPY libs libs
RUN npm run build -- --release && cp node_modules/node/bin/node node

FROM debian:13.2-slim AS runtime
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates libatomic1 libstdc++6 && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 rdev && useradd --uid 10001 --gid rdev --create-home rdev && install -d -o rdev -g rdev /var/lib/rdev
WORKDIR /app
COPY --from=build /build/node /usr/local/bin/node
COPY --from=build /build/dist dist
ENV NODE_ENV=production HOST=0.0.0.0 RDEV_DATA_DIR=/var/lib/rdev MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072
USER 10001:10001
EXPOSE 8080 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/health`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--enable-source-maps", "--max-semi-space-size=4"]
CMD ["dist/main.cjs"]

# For trials without a cluster: commands run in this container, so it contains git. See docker-compose.yml.
FROM runtime AS trial
USER 0:0
RUN apt-get update && apt-get install --yes --no-install-recommends git && rm -rf /var/lib/apt/lists/*
USER 10001:10001

FROM runtime

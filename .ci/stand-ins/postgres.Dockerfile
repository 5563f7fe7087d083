# PostgreSQL with its user, password and database from the environment.
FROM localhost/rdev/postgres:ci
USER 0:0
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql-client && rm -rf /var/lib/apt/lists/*
RUN install -d -o postgres -g postgres /var/lib/postgresql
COPY postgres-entrypoint /usr/local/bin/
ENV PGHOST=127.0.0.1
USER 999:999
ENTRYPOINT ["postgres-entrypoint"]
CMD []

FROM debian:13.2-slim
RUN apt-get update && apt-get install --yes --no-install-recommends socat && rm -rf /var/lib/apt/lists/*
ENTRYPOINT ["socat"]

# A cluster in a container, started and configured like k3s. k3s.yml mounts its programs.
FROM debian:13.2-slim
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates curl gpgv iproute2 libseccomp2 openssl perl procps socat util-linux xz-utils && rm -rf /var/lib/apt/lists/*
COPY k3s-entrypoint /usr/local/bin/k3s
RUN ln -s /var/cache/dev-cluster/bin/kubectl /usr/local/bin/kubectl
ENV DEV_CLUSTER_CACHE=/var/cache/dev-cluster DEV_CLUSTER_RUN=/var/lib/rancher/k3s/cluster DEV_CLUSTER_POD_NET=10.42.0 DEV_CLUSTER_SERVICE_NET=10.43.0 KUBECONFIG=/etc/rancher/k3s/k3s.yaml
ENTRYPOINT ["k3s"]

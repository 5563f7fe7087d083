# What serves git over https and ssh, for the test of private repositories: test/cluster/support/private-git.sh.
FROM debian:13.2-slim
RUN apt-get update && apt-get install --yes --no-install-recommends git lighttpd lighttpd-mod-openssl openssh-server openssl && rm -rf /var/lib/apt/lists/*
RUN { getent passwd sshd || useradd --system --home-dir /run/sshd sshd; } && useradd --password '*' --create-home --home-dir /srv/git --shell /usr/bin/git-shell git && mkdir -p /run/sshd
CMD ["sleep", "infinity"]

# shellcheck shell=bash
# Shared by the scripts in this directory. Sourced, not run.

image() { echo "localhost/rdev/$1:ci"; }

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# Installs Debian packages if possible. RUNLEVEL keeps services among them from starting.
install_packages() {
  can_install && { apt-get update -qq && RUNLEVEL=1 timeout 5m apt-get install -y -qq --no-install-recommends "$@"; } >/dev/null 2>&1
}

# fetch_program DIRECTORY PROGRAM PACKAGE: puts one program of a Debian package there, without installing the package, which
# may come with a service.
fetch_program() {
  can_install && mkdir -p "$1" && (
    cd "$1" || exit 1
    { apt-get update -qq && timeout 5m apt-get download -qq "$3"; } >/dev/null 2>&1 &&
      dpkg-deb --fsys-tarfile "$3"_*.deb | tar -xf - --strip-components=3 "./usr/bin/$2"
    rm -f "$3"_*.deb
    [ -x "$2" ]
  )
}

# isolate OPTION... COMMAND...: replaces the script by the command in new namespaces, so that everything it starts and
# mounts ends with it. The options are those of unshare.
isolate() {
  ISOLATED=yes exec unshare --mount --pid --fork --kill-child --mount-proc "$@"
}

# Writes the settings of podman, which stores everything below PODMAN_HOME.
configure_podman() {
  mkdir -p "$PODMAN_HOME"
  cat >"$PODMAN_HOME/containers.conf" <<END
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
tmp_dir = "/run/libpod"
image_copy_tmp_dir = "storage"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[network]
network_backend = "netavark"
network_config_dir = "$PODMAN_HOME/networks"
END
  cat >"$PODMAN_HOME/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$PODMAN_HOME/storage"
runroot = "/run/containers/storage"
END
  # Image names without a registry are Docker's; nothing is pulled.
  echo 'unqualified-search-registries = ["docker.io"]' >"$PODMAN_HOME/registries.conf"
}

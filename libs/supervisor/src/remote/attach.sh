# Serves a connection that starts a command or attaches to it.

header() { printf '%s %s\n' "$r_nonce" "$1"; printf %s "$r_nonce" >&3; }
trailer() { printf '%s%s\n%s' "$r_nonce" "$1" "$r_nonce"; printf %s "$r_nonce" >&3; }
refuse() { header "$1"; trailer ''; exit 0; }
# Finds the root that contains the command's claim, among the possible ones.
locate() {
  r_root=
  for r_b; do [ -d "$r_b/rdev/$r_id" ] && [ -O "$r_b/rdev" ] && { r_root=$r_b/rdev r_c=$r_root/$r_id/c; return 0; }; done
  return 1
}
# Takes the first directory that works. All clients that start the command must agree on it, or there would be two
# claims: so a full directory, which may have room for one client and not for another, is not skipped.
settle_root() {
  r_v=
  for r_b; do
    r_root=$r_b/rdev r_c=$r_root/$r_id/c r_t=$r_root/.in.$r_id.$$
    r_x=$(place 2>&1) && return
    rm -rf "$r_t"
    r_x=${r_x%%"$r_nl"*} r_v="$r_v; $r_x"
    case $r_x in *'No space'* | *quota*) break ;; esac
  done
  refuse "unsupported No directory can hold the output: ${r_v#; }"
}
# Prepares the directory, or prints what is wrong with it.
place() {
  # shellcheck disable=SC2174 # The mode of its parents is up to the container.
  [ "$r_want" = '' ] || [ -d "$r_b" ] || LC_ALL=C mkdir -p -m 700 "$r_b" || return
  [ -d "$r_b" ] || { echo "$r_b: there is no such directory"; return 1; }
  [ -d "$r_root" ] || LC_ALL=C mkdir -m 700 "$r_root" || [ -d "$r_root" ] || return
  [ -O "$r_root" ] && [ ! -L "$r_root" ] || { echo "$r_root: it belongs to another user, or is a link"; return 1; }
  LC_ALL=C mkdir -m 700 "$r_t" "$r_t/c" && cd "$r_t/c" && LC_ALL=C mkfifo o e ctl in put up out.rest err.rest
}
# Writes everything before the claim is made: an incomplete request claims nothing.
prepare() {
  receive "$1" "$r_t/c/meta" && receive "$2" "$r_t/c/script" && receive "$3" "$r_t/c/stdin" &&
    true >"$r_t/c/out" && true >"$r_t/c/err" && printf '%1024s\n' ' ' >"$r_t/c/end.tmp" || return
  for r_x in sup out.n err.n out.dd err.dd; do printf '%99s\n' ' ' >"$r_t/c/$r_x" || return; done
}
run() {
  for r_x in setsid dd mkfifo mkdir mv rm wc cat sleep env grep tail tr; do
    command -v $r_x >/dev/null || refuse "unsupported The program $r_x is missing."
  done
  [ -r /proc/self/stat ] || refuse 'unsupported /proc is missing.'
  r_how=taken
  locate "$@" && return
  settle_root "$@"
  prepare $r_lengths || {
    rm -rf "$r_t"
    refuse 'unsupported The request is incomplete, or the spool directory is full.'
  }
  mv "$r_t" "$r_root/$r_id"
  # If there is a claim already, mv fails or moves ours into it.
  r_x=$r_root/$r_id/${r_t##*/}
  if [ -d "$r_t" ] || [ -d "$r_x" ]; then
    rm -rf "$r_t" "$r_x"
    [ -d "$r_root/$r_id" ] && return
    refuse 'unsupported The spool directory is full.'
  fi
  launch
  r_how=started
}
# Starts the supervisor. It gets the script and the directory through stdin: a command that kills processes by a word in
# their command line must not match it.
launch() {
  look $$
  r_launching=1
  # shellcheck disable=SC2016,SC2154 # Expanded in the shell that is started; launcher.ts sets r_script to this program.
  printf '%s\n' 'eval read -r r_c;. /proc/self/fd/0' "$r_c" "r_launcher=$$ r_l0=$r_start" "$r_script" 3>&- |
    setsid sh -c 'read -r r_x;$r_x' rdev supervise "$r_id" >/dev/null 2>&1 3>&- &
  r_sup=$! r_launching=
}
# Waits for a child that has been killed. bash loses the status of a child that it reaps just when a trap interrupts a
# wait, and would then wait for it until all other children have ended.
bury() { [ ! -d "/proc/$1" ] || wait "$1"; }
# Runs when the connection has ended. The latest child may not be in its variable yet, and a child shell that has just
# started swallows TERM. All children are reaped here, as process 1 of the container may not do that. The supervisor
# stays.
hang_up() {
  trap '' TERM
  r_x=$!
  [ "$r_launching" ] && r_x=
  for r_p in $r_x $r_a $r_z $r_g; do
    [ "$r_p" != "$r_sup" ] || continue
    r_i=0
    until over $r_p || [ $r_i -ge 40 ]; do kill -TERM $r_p; nap 0.02; r_i=$((r_i + 1)); done
    kill -KILL $r_p
    bury $r_p
  done
  kill -KILL $r_w
  bury $r_w
  exit 1
}
identity() { steady "$r_c/sup"; set -- $r_line; r_sup=${1:-} r_s0=${2:-} r_main=${3#-} r_m0=${4#-} r_mark=${5:-} r_shed=; }
# Waits for the supervisor's identity, and starts a supervisor if the launcher died before it could. Fails if the
# command was never started and never will be, or was deleted.
ready() {
  r_i=0 r_went=
  while :; do
    [ -d "$r_c" ] && [ ! -e "$r_root/$r_id/done" ] || { r_s0= r_main=; return 1; }
    identity
    [ "$r_s0" ] || [ -e "$r_c/end" ] && return 0
    r_i=$((r_i + 1))
    if [ $((r_i % 20)) = 0 ]; then
      # The order matters: a supervisor that had taken the right to start before this check, is not running and has not
      # recorded its identity, is dead.
      [ -e "$r_c/go" ] && r_went=1
      if ! coming; then
        identity
        [ "$r_s0" ] && return 0
        [ "$r_went" ] && return 1
        if [ "$r_mode" = cancel ] || [ $r_i -gt 400 ]; then claim_start && return 1; else launch; fi
      fi
    fi
    # The outcome is unknown: the client retries.
    [ $r_i -lt 4000 ] || exit 1
    nap 0.05
  done
}
# Waits until the main process has started and is recorded, which may be after its first output; the command may have
# stopped its supervisor before. Fails if it has ended, or will never start.
begun() {
  uptime_ms
  r_until=$((r_now + 15000))
  until [ -e "$r_c/end" ] || { ready && [ "$r_main" ]; }; do
    [ "$r_s0" ] && alive "$r_sup" "$r_s0" || return 1
    kill -CONT "-$r_sup"
    nap 0.05
    uptime_ms
    [ $r_now -lt $r_until ] || exit 1
  done
  [ ! -e "$r_c/end" ]
}
# Whether a supervisor of the command is running. It has its operation as a separate argument; the others get a script
# through stdin.
coming() {
  r_x=$(grep -lF "$r_id" /proc/[0-9]*/cmdline)
  [ "$r_x" ] && grep -qF supervise $r_x
}
follow() {
  r_g=
  if [ "$r_how" != started ] && ! alive "$r_sup" "$r_s0"; then
    r_t=none
  elif ! tail -c 0 --pid=$$ /dev/null; then
    r_t=poll
    [ "$r_s0" ] || ready
  elif [ "$r_how" = started ]; then
    r_t=$r_sup
  else
    # This supervisor is a child of process 1, which may never reap it: tail would take the zombie for alive. So tail
    # follows a child of ours that ends with the supervisor and is reaped here.
    outlast >/dev/null 3>&- 4<&- &
    r_g=$! r_t=$!
  fi
  show "$r_c/out" "$1" 3>&- &
  r_a=$!
  show "$r_c/err" "$2" >&3 3>&- &
  r_z=$!
  [ "$r_g" ] && wait "$r_g"
  wait $r_a
  r_x=$?
  wait $r_z && [ $r_x = 0 ]
}
attach() {
  if [ "$r_how" != started ]; then
    ready || {
      [ -d "$r_c" ] && [ ! -e "$r_root/$r_id/done" ] || refuse absent
      header taken
      trailer 'gone The command was claimed and never started.'
      exit 0
    }
    r_so=0 r_se=0
    [ "$1" = 0 ] || r_so=$(($(wc -c <"$r_c/out")))
    [ "$2" = 0 ] || r_se=$(($(wc -c <"$r_c/err")))
    if [ $r_so -lt "$1" ] || [ $r_se -lt "$2" ]; then
      refuse "short $(($(wc -c <"$r_c/out"))) $(($(wc -c <"$r_c/err")))"
    fi
  fi
  header $r_how
  # EOF here means that the connection has ended. FD 4, as a background command has /dev/null as stdin.
  exec 4<&0
  trap hang_up TERM
  (
    while read -r r_x r_y <&4; do
      [ "$r_x" = "$r_nonce" ] || continue
      if [ "$r_y" = ack ]; then true >"$r_root/$r_id/done" || r_y=all; discard; fi
      exit 0
    done
    kill -TERM $$
  ) >/dev/null 3>&- &
  r_w=$!
  follow "$1" "$2"
  # The supervisor that started the command may not be ours.
  [ "$r_how" != started ] || [ -e "$r_c/end" ] || ready
  # Following may have failed while the supervisor is alive. Then there is no trailer, and the client reattaches.
  [ "$r_s0" ] && alive "$r_sup" "$r_s0" && [ ! -e "$r_c/end" ] && hang_up
  if [ -e "$r_c/end" ]; then
    { read -r r_x; read -r r_y; } <"$r_c/end"
    trailer "end $r_x$r_nl$r_y"
  else
    # No trailer either if another client has read and deleted everything.
    [ -d "$r_c" ] || hang_up
    r_x='gone The supervisor died before the command ended.'
    [ -e "$r_c/mute" ] && r_x='gone The supervisor did not react to the request to end the command, and was killed.'
    trailer "$r_x"
  fi
  # Reaps the supervisor if it is our child.
  wait $r_sup
  wait $r_w
}

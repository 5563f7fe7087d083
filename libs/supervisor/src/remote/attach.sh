# Serves a connection that starts a command or attaches to it.

header() { printf '%s %s\n' "$r_nonce" "$1"; printf %s "$r_nonce" >&3; }
trailer() { printf '%s%s\n%s' "$r_nonce" "$1" "$r_nonce"; printf %s "$r_nonce" >&3; }
refuse() { [ "$r_mode" != standby ] || exit 1; header "$1"; trailer ''; exit 0; }
# Finds the root that contains the command's claim, among the possible ones.
locate() {
  r_root=
  for r_base; do
    [ -d "$r_base/rdev/$r_id" ] && [ -O "$r_base/rdev" ] && { r_root=$r_base/rdev r_dir=$r_root/$r_id/c; return 0; }
  done
  return 1
}
# Takes the first directory that works. All clients that start the command must agree on it, or there would be two
# claims: so a full directory, which may have room for one client and not for another, is not skipped.
settle_root() {
  r_problems=
  for r_base; do
    r_root=$r_base/rdev r_dir=$r_root/$r_id/c r_draft=$r_root/.in.$r_id.$$
    r_problem=$(place 2>&1) && return
    rm -rf "$r_draft"
    r_problem=${r_problem%%"$r_newline"*} r_problems="$r_problems; $r_problem"
    case $r_problem in *'No space'* | *quota*) break ;; esac
  done
  refuse "unsupported No directory can hold the output: ${r_problems#; }"
}
# Prepares the directory, or prints what is wrong with it.
place() {
  # shellcheck disable=SC2174 # The mode of its parents is up to the container.
  [ "$r_spool_dir" = '' ] || [ -d "$r_base" ] || LC_ALL=C mkdir -p -m 700 "$r_base" || return
  [ -d "$r_base" ] || { echo "$r_base: there is no such directory"; return 1; }
  [ -d "$r_root" ] || LC_ALL=C mkdir -m 700 "$r_root" || [ -d "$r_root" ] || return
  [ -O "$r_root" ] && [ ! -L "$r_root" ] || { echo "$r_root: it belongs to another user, or is a link"; return 1; }
  LC_ALL=C mkdir -m 700 "$r_draft" "$r_draft/c" && cd "$r_draft/c" && LC_ALL=C mkfifo o e ctl in put turn up out.rest err.rest &&
    [ -p o ] && [ -p e ] || { echo 'mkfifo does not work'; return 1; }
}
# Creates what is filled later.
lay_out() {
  true >"$r_draft/c/out" && true >"$r_draft/c/err" && printf '%1024s\n' ' ' >"$r_draft/c/end.tmp" || return
  for r_filename in sup out.n err.n out.dd err.dd; do printf '%99s\n' ' ' >"$r_draft/c/$r_filename" || return; done
}
# Writes everything before the claim is made: an incomplete request claims nothing.
prepare() {
  receive "$1" "$r_draft/c/meta" && receive "$2" "$r_draft/c/script" && receive "$3" "$r_draft/c/stdin" && return
  rm -rf "$r_draft"
  refuse 'unsupported The request is incomplete, or the spool directory is full.'
}
# Fails if the command is claimed already.
claim() {
  r_dir=$r_root/$r_id/c
  mv "$r_draft" "$r_root/$r_id"
  # If there is a claim already, mv fails or moves ours into it.
  r_misplaced=$r_root/$r_id/${r_draft##*/}
  if [ -d "$r_draft" ] || [ -d "$r_misplaced" ]; then
    rm -rf "$r_draft" "$r_misplaced"
    [ -d "$r_root/$r_id" ] && return 1
    refuse 'unsupported The spool directory is full.'
  fi
  r_opened=started
}
# Whether commands can be started here.
fit() {
  for r_program in setsid dd mkfifo mkdir mv rm wc cat sleep env grep tail tr; do
    command -v $r_program >/dev/null || refuse "unsupported The program $r_program is missing."
  done
  [ -r /proc/self/stat ] || refuse 'unsupported /proc is missing.'
}
run() {
  fit
  r_opened=taken
  locate "$@" && return
  settle_root "$@"
  lay_out || r_part_lengths='no room'
  prepare $r_part_lengths
  claim || return
  launch
}
# Does what does not depend on the command, and starts its supervisor, which waits for it; then reads which command it
# is. Ends with the connection. Where anything is wrong, it just ends: the client finds out with a connection of its own.
stand_by() {
  fit
  settle_root "$@"
  r_dir=$r_draft/c
  lay_out && exec 5<>"$r_dir/turn" 6<"$r_dir/turn" || { rm -rf "$r_draft"; exit 1; }
  launch
  able
  read -r r_word r_id r_offset_out r_offset_err r_part_lengths && [ "$r_word" = run ] && stood_by "$@" || dismiss 1
  r_mode=run r_offsets="$r_offset_out $r_offset_err" r_opened=taken
  locate "$@" || { r_root=${r_draft%/*}; prepare $r_part_lengths; claim && echo "$r_id" >&5; }
  [ "$r_opened" = started ] || dismiss
  exec 5>&- 6<&-
  # An earlier command may have stopped it.
  kill -CONT "-$r_sup"
}
# Whether the supervisor waits, and a connection that begins now would use the same directory.
stood_by() {
  for r_base; do
    [ "$r_base/rdev" != "$r_root" ] || break
    [ -O "$r_base/rdev" ] && [ ! -L "$r_base/rdev" ] && return 1
  done
  until steady "$r_dir/sup"; case $r_line in [1-9]*) ;; *) false ;; esac; do
    over $r_sup || [ ! -e "$r_dir/sup" ] && return 1
    kill -CONT "-$r_sup"
    nap 0.01
  done
  living $r_sup
}
# Ends a supervisor that waits, and all with the given status.
dismiss() {
  exec 5>&- 6<&-
  kill -CONT "-$r_sup"
  wait $r_sup
  rm -rf "$r_draft"
  r_sup=
  [ "${1:-}" = '' ] || exit "$1"
}
# Starts the supervisor. It gets the script and the directory through stdin: a command that kills processes by a word in
# their command line must not match it.
launch() {
  look $$
  r_launching=1
  # shellcheck disable=SC2016,SC2154 # Expanded in the shell that is started; launcher.ts sets r_script to this program.
  printf '%s\n' 'eval read -r r_dir;. /proc/self/fd/0' "$r_dir" "r_launcher=$$ r_launcher_start=$r_start" "$r_script" 3>&- |
    r_path=$r_path setsid sh -c 'read -r r_run;$r_run' rdev supervise "$r_id" >/dev/null 2>&1 3>&- 5>&- &
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
  r_latest=$!
  [ "$r_launching" ] && r_latest=
  for r_pid in $r_latest $r_show_out $r_show_err $r_outlast; do
    [ "$r_pid" != "$r_sup" ] || continue
    r_tries=0
    until over $r_pid || [ $r_tries -ge 40 ]; do kill -TERM $r_pid; nap 0.02; r_tries=$((r_tries + 1)); done
    kill -KILL $r_pid
    bury $r_pid
  done
  kill -KILL $r_client_watch
  bury $r_client_watch
  exit 1
}
identity() {
  steady "$r_dir/sup"
  set -- $r_line
  r_sup=${1:-} r_sup_start=${2:-} r_main=${3#-} r_oldest=${4#-} r_mark=${5:-} r_mark_shed=
}
# Waits for the supervisor's identity, and starts a supervisor if the launcher died before it could. Fails if the
# command was never started and never will be, or was deleted.
ready() {
  r_tries=0 r_go_taken=
  while :; do
    [ -d "$r_dir" ] && [ ! -e "$r_root/$r_id/done" ] || { r_sup_start= r_main=; return 1; }
    identity
    [ "$r_sup_start" ] || recorded && return 0
    r_tries=$((r_tries + 1))
    if [ $((r_tries % 20)) = 0 ]; then
      # The order matters: a supervisor that had taken the right to start before this check, is not running and has not
      # recorded its identity, is dead.
      [ -e "$r_dir/go" ] && r_go_taken=1
      if ! coming; then
        identity
        [ "$r_sup_start" ] && return 0
        [ "$r_go_taken" ] && return 1
        if [ "$r_mode" = cancel ] || [ $r_tries -gt 400 ]; then claim_start && return 1; else launch; fi
      fi
    fi
    # The outcome is unknown: the client retries.
    [ $r_tries -lt 4000 ] || exit 1
    nap 0.05
  done
}
# Waits until the main process has started and is recorded, which may be after its first output; the command may have
# stopped its supervisor before. Fails if it has ended, or will never start.
begun() {
  uptime_ms
  r_until=$((r_now + 15000))
  until recorded || { ready && [ "$r_main" ]; }; do
    [ "$r_sup_start" ] && alive "$r_sup" "$r_sup_start" || return 1
    kill -CONT "-$r_sup"
    nap 0.05
    uptime_ms
    [ $r_now -lt $r_until ] || exit 1
  done
  ! recorded
}
# Whether a supervisor of the command is running. It has its operation as a separate argument; the others get a script
# through stdin. In busybox, grep -F sees only the first argument.
coming() {
  r_files=$(grep -l "$r_id" /proc/[0-9]*/cmdline)
  [ "$r_files" ] && grep -q supervise $r_files
}
# Continues the processes of this attachment, which the command may have stopped. Fails if it has ended.
resume() {
  r_children=
  read -r r_children <"/proc/$$/task/$$/children"
  for r_pid in $r_children; do
    [ $r_pid = "$r_sup" ] && continue
    r_own=
    read -r r_own <"/proc/$r_pid/task/$r_pid/children"
    kill -CONT $r_pid $r_own
  done
  kill -CONT $$
}
# Continues all that serve a request for the command. Those without a client then end.
wake() {
  r_files=$(grep -l -e "$r_id" -e standby /proc/[0-9]*/cmdline)
  for r_proc in $r_files; do
    r_line=
    # The shell drops the NULs between the arguments.
    read -r r_line <"$r_proc"
    r_pid=${r_proc#/proc/}
    case $r_line in *rdev[acprs]*"$r_id"* | *rdevstandby* | tail*"$r_id/c/"*) kill -CONT "${r_pid%/*}" ;; esac
  done
}
# Whether tail can follow a process.
able() { [ "$r_able" ] || { tail -c 0 --pid=$$ /dev/null && r_able=y || r_able=n; }; [ $r_able = y ]; }
follow() {
  r_outlast=
  if [ "$r_opened" != started ] && ! alive "$r_sup" "$r_sup_start"; then
    r_followed=none
  elif ! able; then
    r_followed=poll
    [ "$r_sup_start" ] || ready
  elif [ "$r_opened" = started ]; then
    r_followed=$r_sup
  else
    # This supervisor is a child of process 1, which may never reap it: tail would take the zombie for alive. So tail
    # follows a child of ours that ends with the supervisor and is reaped here.
    outlast >/dev/null 3>&- 4<&- &
    r_outlast=$! r_followed=$!
  fi
  show "$r_dir/out" "$1" 3>&- &
  r_show_out=$!
  show "$r_dir/err" "$2" >&3 3>&- &
  r_show_err=$!
  # tail looks whether the supervisor is alive after each change of the spool, and otherwise every 20 ms.
  # Without a record the pumps may be storing, and truncate would delete what they add between its reading of the size
  # and its setting it.
  case $r_followed in
    none | poll) ;;
    *) wait $r_followed; recorded && truncate -s +0 "$r_dir/out" "$r_dir/err" ;;
  esac
  wait $r_show_out
  r_show_status=$?
  wait $r_show_err && [ $r_show_status = 0 ]
}
attach() {
  if [ "$r_opened" != started ]; then
    ready || {
      [ -d "$r_dir" ] && [ ! -e "$r_root/$r_id/done" ] || refuse absent
      header taken
      trailer 'gone The command was claimed and never started.'
      exit 0
    }
    r_stored_out=0 r_stored_err=0
    [ "$1" = 0 ] || r_stored_out=$(($(wc -c <"$r_dir/out")))
    [ "$2" = 0 ] || r_stored_err=$(($(wc -c <"$r_dir/err")))
    if [ $r_stored_out -lt "$1" ] || [ $r_stored_err -lt "$2" ]; then
      refuse "short $(($(wc -c <"$r_dir/out"))) $(($(wc -c <"$r_dir/err")))"
    fi
  fi
  header $r_opened
  # EOF here means that the connection has ended. FD 4, as a background command has /dev/null as stdin.
  exec 4<&0
  trap hang_up TERM
  [ $r_opened = started ] || wake
  (
    while read -r r_word r_said <&4; do
      [ "$r_word" = "$r_nonce" ] || continue
      r_discard=
      [ "$r_said" != ack ] || { true >"$r_root/$r_id/done" || r_discard=all; discard; exit 0; }
      # Anything else is a question whether the attachment is alive, and is the answer itself.
      resume || exit 1
      printf %s "$r_said"
    done
    resume
    kill -TERM $$
  ) 3>&- &
  r_client_watch=$!
  follow "$1" "$2"
  # The supervisor that started the command may not be ours.
  [ "$r_opened" != started ] || recorded || ready
  # Following may have failed while the supervisor is alive. Then there is no trailer, and the client reattaches.
  [ "$r_sup_start" ] && alive "$r_sup" "$r_sup_start" && ! recorded && hang_up
  if recorded; then
    { read -r r_record; read -r r_record_detail; } <"$r_dir/end"
    trailer "end $r_record$r_newline$r_record_detail"
  else
    # No trailer either if another client has read and deleted everything.
    [ -d "$r_dir" ] || hang_up
    r_gone='gone The supervisor died before the command ended.'
    [ -e "$r_dir/mute" ] && r_gone='gone The supervisor did not react to the request to end the command, and was killed.'
    trailer "$r_gone"
  fi
  # The command may have stopped it.
  kill -CONT $r_client_watch
  # Reaps the supervisor if it is our child.
  wait $r_sup
  wait $r_client_watch
}

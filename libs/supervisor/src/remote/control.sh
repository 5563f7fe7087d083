# The other operations: cancel and signal for one command, clear and sweep for all in a directory.

# The supervisor kills the processes if it is alive; otherwise we do.
cancel() {
  locate "$@" || refuse absent
  header found
  [ -e "$r_c/end" ] && { trailer ended; exit 0; }
  ready || { trailer ended; exit 0; }
  if alive "$r_sup" "$r_s0"; then
    # Sent repeatedly: a read in bash that times out at this moment loses half of the line, and the command may stop our
    # processes.
    r_i=0 r_nap=30 r_heard=
    uptime_ms
    r_until=$((r_now + 15000))
    while [ ! -e "$r_c/end" ] && alive "$r_sup" "$r_s0"; do
      # Killing a forking command and storing its output may take a while.
      [ "$r_heard" = '' ] && [ -e "$r_c/heard" ] && r_heard=1 r_until=$((r_now + r_ms + 180000))
      [ $r_now -lt $r_until ] || { true >"$r_c/mute"; kill -KILL "-$r_sup"; }
      [ $((r_i % 8)) = 0 ] && { echo "cancel $r_ms" 1<>"$r_c/ctl"; kill -CONT "-$r_sup"; kill -USR1 "$r_sup"; }
      r_i=$((r_i + 1))
      pause
      uptime_ms
    done
  fi
  [ -e "$r_c/end" ] && { read -r r_x <"$r_c/end"; trailer "end $r_x"; exit 0; }
  r_m1=$r_m0
  [ "$r_m0" ] || r_m0=0 r_main=-
  if scan; then
    kill -TERM $r_tree
    kill -CONT $r_tree
    uptime_ms
    r_until=$((r_now + r_ms)) r_nap=100
    while [ $r_now -lt $r_until ] && scan; do pause; uptime_ms; done
  fi
  hardkill
  r_x=1
  [ $r_left = 0 ] || r_x=0
  trailer "killed $r_x $r_left $r_walked"
}
signal() {
  locate "$@" || refuse absent
  header found
  # Some processes may have ended since, so a failure of kill is not an error.
  begun && r_m1=$r_m0 && scan && {
    case $r_name in INT | QUIT) [ -e "$r_c/noint" ] && ignored && { trailer ignored; exit 0; } ;; esac
    kill -"$r_name" $r_tree
    trailer sent
    exit 0
  }
  trailer ended
}
# Whether all processes of the tree ignore the signal. The last digit of the mask covers the signals up to QUIT.
ignored() {
  for r_p in $r_tree; do
    r_y=
    while read -r r_x r_y; do [ "$r_x" = SigIgn: ] && break; done <"/proc/$r_p/status"
    case $r_name${r_y#"${r_y%?}"} in INT[2367abef] | QUIT[4567cdef]) ;; *) return 1 ;; esac
  done
}
# Kills the background processes of a project's ended commands. The project is identified by its directory, a value on
# stdin.
clear() {
  header found
  exec 4<&0
  value
  r_home=$r_v r_kept=0
  for r_b; do
    for r_note in "$r_b"/rdev/*/kept; do
      [ -O "$r_note" ] || continue
      r_c=${r_note%/kept}/c r_id=${r_note%/kept}
      r_id=${r_id##*/} r_x=
      { IFS= read -r r_mark; while IFS= read -r r_line; do r_x=$r_x$r_line$r_nl; done; } <"$r_note"
      [ "$r_x$r_line" = "$r_home" ] && idle || continue
      stray
      hardkill
      [ $r_left = 0 ] && rm -f "$r_note"
      r_kept=$((r_kept + r_left))
    done
  done
  trailer "cleared $r_kept"
}
# For a command that has ended: processes are found by its mark or its id alone.
stray() { r_main=- r_m0=0 r_m1=; }
# Deletes the spools of the commands listed on stdin, those of commands that ended long ago, and unfinished directories.
# Returns the running commands.
sweep() {
  header found
  while read -r r_id && [ "$r_id" != . ]; do
    case $r_id in */* | .* | '') continue ;; esac
    locate "$@" && idle && { r_y=all; discard; }
  done
  for r_b; do
    [ -O "$r_b/rdev" ] || continue
    r_root=$r_b/rdev
    find "$r_root" -maxdepth 1 -mindepth 1 -mmin +$r_minutes | while IFS= read -r r_f; do
      r_id=${r_f##*/} r_c=$r_f/c
      case $r_id in
        .in.* | .out.*) rm -rf "$r_f" ;;
        *) if [ -e "$r_f/kept" ]; then strayed; elif [ -e "$r_c/end" ]; then [ "$(find "$r_c/end" -mmin +$r_minutes)" ]; else idle; fi && { r_y=all; discard; } ;;
      esac
    done
  done
  r_running=
  for r_b; do
    for r_f in "$r_b"/rdev/*/c/sup; do
      r_c=${r_f%/sup} r_id=${r_f%/c/sup} r_id=${r_id##*/}
      idle || r_running="$r_running $r_id"
    done
  done
  trailer "swept$r_running"
}
# Whether no background process of the command is left.
strayed() { idle && { IFS= read -r r_mark <"${r_c%/c}/kept"; stray; ! scan; } && rm -f "${r_c%/c}/kept"; }
idle() {
  [ -e "$r_c/end" ] && return 0
  [ -e "$r_c/sup" ] || return 0
  steady "$r_c/sup"
  r_y=${r_line#* }
  ! alive "${r_line%% *}" "${r_y%% *}"
}

# The other operations: cancel and signal for one command, clear and sweep for all in a directory.

# The supervisor kills the processes if it is alive; otherwise we do.
cancel() {
  locate "$@" || refuse absent
  header found
  recorded && { trailer ended; exit 0; }
  ready || { trailer ended; exit 0; }
  if alive "$r_sup" "$r_sup_start"; then
    # Sent repeatedly: a read in bash that times out at this moment loses half of the line, and the command may stop our
    # processes.
    r_tries=0 r_nap=30 r_noticed=
    uptime_ms
    r_until=$((r_now + 15000))
    while ! recorded && alive "$r_sup" "$r_sup_start"; do
      # Killing a forking command and storing its output may take a while.
      [ "$r_noticed" = '' ] && [ -e "$r_dir/heard" ] && r_noticed=1 r_until=$((r_now + r_cancel_grace + 180000))
      [ $r_now -lt $r_until ] || { true >"$r_dir/mute"; kill -KILL "-$r_sup"; }
      [ $((r_tries % 8)) = 0 ] && { echo "cancel $r_cancel_grace" 1<>"$r_dir/ctl"; kill -CONT "-$r_sup"; kill -USR1 "$r_sup"; }
      r_tries=$((r_tries + 1))
      pause
      uptime_ms
    done
  fi
  recorded && { trailer "end $r_record"; exit 0; }
  r_main_start=$r_oldest
  [ "$r_oldest" ] || r_oldest=0 r_main=-
  if scan; then
    kill -TERM $r_tree
    kill -CONT $r_tree
    uptime_ms
    r_until=$((r_now + r_cancel_grace)) r_nap=100
    while [ $r_now -lt $r_until ] && scan; do pause; uptime_ms; done
  fi
  hardkill
  bereave
  r_none_left=1
  [ $r_left = 0 ] || r_none_left=0
  trailer "killed $r_none_left $r_left $r_walked"
}
signal() {
  locate "$@" || refuse absent
  header found
  # Some processes may have ended since, so a failure of kill is not an error.
  begun && r_main_start=$r_oldest && scan && {
    case $r_signal in INT | QUIT) [ -e "$r_dir/noint" ] && ignored && { trailer ignored; exit 0; } ;; esac
    kill -"$r_signal" $r_tree
    trailer sent
    exit 0
  }
  trailer ended
}
# Whether all processes of the tree ignore the signal. The last digit of the mask covers the signals up to QUIT.
ignored() {
  for r_pid in $r_tree; do
    r_mask=
    while read -r r_field r_mask; do [ "$r_field" = SigIgn: ] && break; done <"/proc/$r_pid/status"
    case $r_signal${r_mask#"${r_mask%?}"} in INT[2367abef] | QUIT[4567cdef]) ;; *) return 1 ;; esac
  done
}
# Kills the background processes of a project's ended commands. The project is identified by its directory, a value on
# stdin.
clear() {
  header found
  exec 4<&0
  value
  r_project=$r_value r_survivors=0
  for r_base; do
    for r_kept_file in "$r_base"/rdev/*/kept; do
      [ -O "$r_kept_file" ] || continue
      r_dir=${r_kept_file%/kept}/c r_id=${r_kept_file%/kept}
      r_id=${r_id##*/} r_kept_project=
      {
        IFS= read -r r_mark
        while IFS= read -r r_line; do r_kept_project=$r_kept_project$r_line$r_newline; done
      } <"$r_kept_file"
      [ "$r_kept_project$r_line" = "$r_project" ] && idle || continue
      stray
      hardkill
      [ $r_left = 0 ] && rm -f "$r_kept_file"
      r_survivors=$((r_survivors + r_left))
    done
  done
  trailer "cleared $r_survivors"
}
# For a command that has ended: processes are found by its mark or its id alone.
stray() { r_main=- r_oldest=0 r_main_start=; }
# Deletes the spools of the commands listed on stdin, those of commands that ended long ago, and unfinished directories.
# Returns the running commands.
sweep() {
  header found
  while read -r r_id && [ "$r_id" != . ]; do
    case $r_id in */* | .* | '') continue ;; esac
    locate "$@" && idle && { r_discard=all; bereave; discard; }
  done
  for r_base; do
    [ -O "$r_base/rdev" ] || continue
    r_root=$r_base/rdev
    find "$r_root" -maxdepth 1 -mindepth 1 -mmin +$r_minutes | while IFS= read -r r_claim; do
      r_id=${r_claim##*/} r_dir=$r_claim/c r_sup=
      case $r_id in
        .in.* | .out.*) rm -rf "$r_claim" ;;
        *)
          if [ -e "$r_claim/kept" ]; then strayed
          elif [ -e "$r_dir/end" ]; then [ "$(find "$r_dir/end" -mmin +$r_minutes)" ]
          else idle
          fi && { r_discard=all; bereave; discard; }
          ;;
      esac
    done
  done
  r_running=
  for r_base; do
    for r_sup_file in "$r_base"/rdev/*/c/sup; do
      r_dir=${r_sup_file%/sup} r_id=${r_sup_file%/c/sup} r_id=${r_id##*/}
      idle || r_running="$r_running $r_id"
    done
  done
  trailer "swept$r_running"
}
# Kills what a dead supervisor has left of its own: its process group. No other process gets the id while there is one.
bereave() {
  alive "$r_sup" "$r_sup_start" || [ "$r_sup" = '' ] && return
  case $r_start in '' | "$r_sup_start") kill -KILL "-$r_sup" ;; esac
}
# Whether no background process of the command is left.
strayed() { idle && { IFS= read -r r_mark <"${r_dir%/c}/kept"; stray; ! scan; } && rm -f "${r_dir%/c}/kept"; }
idle() {
  r_sup=
  recorded && return 0
  [ -e "$r_dir/sup" ] || return 0
  steady "$r_dir/sup"
  r_sup=${r_line%% *} r_sup_start=${r_line#* }
  r_sup_start=${r_sup_start%% *}
  ! alive "$r_sup" "$r_sup_start"
}

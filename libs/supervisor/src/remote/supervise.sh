# The supervisor: starts the command, watches it, and records how it ended.

# Takes the right to start the command, which exists once.
claim_start() { set -C; true >"$r_dir/go"; r_claim_status=$?; set +C; return $r_claim_status; }
# Reads a value: its number of lines, then the lines. Zero lines: no value.
value() {
  read -r r_lines <&4
  r_value=
  [ "$r_lines" -gt 0 ] || return 1
  IFS= read -r r_value <&4
  while r_lines=$((r_lines - 1)); [ $r_lines -gt 0 ]; do
    IFS= read -r r_next_line <&4
    r_value=$r_value$r_newline$r_next_line
  done
}
# Sets r_cpu to the processor time of waited-for children in ms, from the second line of `times`. Requests may precede
# it.
cpu_ms() {
  r_cpu=0
  times >&9; echo . >&9
  while read -r r_ctl <&9; do
    case $r_ctl in .) break ;; cancel*) r_cancel=${r_ctl#* } ;; *) r_times=$r_ctl ;; esac
  done
  for r_time in $r_times; do
    r_seconds=${r_time#*m} r_fraction=${r_seconds#*[.,]} r_fraction=${r_fraction%s}000
    r_cpu=$((r_cpu + ${r_time%%m*} * 60000 + ${r_seconds%%[.,]*} * 1000 + 1${r_fraction%"${r_fraction#???}"} - 1000))
  done
}
# Sets r_cpu_part to the processor time used before the main process is waited for: that is ours; reap() then sets it to
# the command's. The order matters, as bash may wait for children at any time.
ours() {
  cpu_ms
  over $r_main && return
  r_cpu_part=$r_cpu r_out_counted= r_err_counted=
  kill -0 $r_pump_out || r_out_counted=1
  kill -0 $r_pump_err || r_err_counted=1
}
# Sleeps until a child ends, a request arrives or the time in ms is over; in bash at most that long. The traps end the
# sleep, so that a child that ends between a check and the wait is not missed; over() sees one that ended before
# r_woken=.
doze() {
  [ "$1" -gt 10 ] || set -- 10
  if [ "$BASH_VERSION" ]; then
    # In bash, wait would clear the job table, and only a request ends a read early: so it polls 50 to 5 times a second,
    # less often the longer the command runs. This takes no forks.
    r_sleep=$(((r_now - r_started_at) / 20 + 20))
    [ $r_sleep -le 200 ] || r_sleep=200
    [ $r_sleep -le "$1" ] || r_sleep=$1
    r_sleep=$((r_sleep + 1000))
    read -t "0.${r_sleep#?}" -r r_request r_argument <&9 && [ "$r_request" = cancel ] && r_cancel=$r_argument
    return
  fi
  r_sleep=$(($1 % 1000 + 1000))
  if [ $1 -lt 10000 ] && [ "$r_whole_seconds" = '' ]; then r_sleep=$(($1 / 1000)).${r_sleep#1}
  else r_sleep=$((($1 + 999) / 1000)); fi
  sleep $r_sleep 3<&- 7<&- 8<&- 9<&- &
  r_timer=$!
  [ "$r_woken" ] && kill -KILL $r_timer
  while kill -0 $r_timer; do wait $r_timer; [ $? = 1 ] && r_whole_seconds=1; done
  r_timer=
}
listen() {
  # In bash a signal would make read discard a partly read request.
  if [ "$BASH_VERSION" ]; then trap '' USR1; else trap 'r_woken=1; [ "$r_timer" ] && kill -KILL $r_timer' CHLD USR1; fi
}
requests() {
  echo . >&9
  while read -r r_request r_argument <&9; do
    case $r_request in .) return ;; cancel) r_cancel=$r_argument ;; esac
  done
}
# Only the job table distinguishes `exit 137` from SIGKILL. dash and busybox forget a job when it is listed, bash when
# it is waited for.
jobstate() {
  jobs -l >&9; echo . >&9
  while read -r r_ctl <&9; do
    case $r_ctl in
      .) return ;;
      cancel*) r_cancel=${r_ctl#* } ;;
      *" $r_main "*) r_main_job=${r_ctl#*" $r_main "} ;;
      *" $r_pump_out "*) r_out_job=${r_ctl#*" $r_pump_out "} ;;
      *" $r_pump_err "*) r_err_job=${r_ctl#*" $r_pump_err "} ;;
    esac
  done
}
# Sets r_status to the status of a child that has ended. A trapped signal would interrupt the wait with a status that
# could be the child's, and bash in POSIX mode would then forget the child.
status() {
  trap '' USR1
  trap - CHLD
  [ "$BASH_VERSION" ] && set +o posix
  wait "$1"
  r_status=$?
  case $r_status in 138 | 145) wait "$1"; r_again=$?; [ $r_again = 127 ] || r_status=$r_again ;; esac
  [ "$BASH_VERSION" ] && set -o posix
  listen
}
# Sets r_ending to the main process's `e <exit code>` or `s <signal>`; `- 0` is recorded if it is unknown.
reap() {
  r_main_job= r_polls=0
  [ "$BASH_VERSION" ] && while jobstate; case $r_main_job in Running*) [ $r_polls -lt 100 ] ;; *) false ;; esac; do
    r_polls=$((r_polls + 1))
  done
  status $r_main
  [ "$BASH_VERSION" ] || jobstate
  case $r_main_job in
    'Done('*) r_job_code=${r_main_job#*(}; r_ending="e ${r_job_code%%)*}" ;;
    Done*) r_ending='e 0' ;;
    Exit*) set -- $r_main_job; r_ending="e $2" ;;
    *) if [ $r_status -gt 128 ]; then r_ending="s $((r_status - 128))"; else r_ending="e $r_status"; fi ;;
  esac
  cpu_ms
  r_cpu_part=$((r_cpu - r_cpu_part))
  # Subtracts the pumps' processor time if it is included already.
  case $r_out_counted$r_out_job in
    Done*) read -r r_skip r_skip r_pump_cpu <"$r_dir/out.n" && r_cpu_part=$((r_cpu_part - ${r_pump_cpu:-0})) ;;
  esac
  case $r_err_counted$r_err_job in
    Done*) read -r r_skip r_skip r_pump_cpu <"$r_dir/err.n" && r_cpu_part=$((r_cpu_part - ${r_pump_cpu:-0})) ;;
  esac
  [ $r_cpu_part -ge 0 ] || r_cpu_part=0
}
# Ends without a record, which clients correctly see as supervisor-gone.
give_up() { trap - EXIT; hardkill; kill -KILL 0; }
record() {
  [ "$r_background" = 1 ] && printf '%s\n%s' "$r_mark" "$r_project" >"${r_dir%/c}/kept"
  r_stored_out=0 r_stored_err=0 r_produced_out=0 r_produced_err=0
  [ -s "$r_dir/out" ] && r_stored_out=$(($(wc -c <"$r_dir/out")))
  [ -s "$r_dir/err" ] && r_stored_err=$(($(wc -c <"$r_dir/err")))
  read -r r_produced_out r_failed r_skip <"$r_dir/out.n"; r_produced_out=$((r_stored_out + r_produced_out + r_failed))
  read -r r_produced_err r_failed r_skip <"$r_dir/err.n"; r_produced_err=$((r_stored_err + r_produced_err + r_failed))
  printf '1 %s %s %s %s %s %s %s %s %s %s\n%.300s\n' "$r_reason" "$r_ending" $r_duration "$r_cpu_part" \
    $r_produced_out $r_produced_err $r_stored_out $r_stored_err "$r_kill_report" "$r_leftovers" "$r_detail" \
    1<>"$r_dir/end.tmp"
  mv "$r_dir/end.tmp" "$r_dir/end"
  trap - EXIT
  exit 0
}
fail_start() {
  r_detail=$1 r_reason=start_failed r_duration=0 r_cpu_part=- r_ending='- 0' r_kill_report='- 0 0' r_leftovers=-
  # The detail is one line of the record.
  while case $r_detail in *"$r_newline"*) ;; *) false ;; esac; do
    r_detail=${r_detail%%"$r_newline"*}\\n${r_detail#*"$r_newline"}
  done
  record
}
# Changes the directory. The prefix ./ keeps a relative directory from being an option or `-`, and from being searched
# in CDPATH. OLDPWD is ours and must not reach the command.
enter() { case $1 in /*) cd "$1" ;; *) cd "./$1" ;; esac && unset OLDPWD; }
# Finds the shell where our programs are: the command's PATH need not contain one.
find_sh() {
  r_search=$PATH:
  while [ "$r_search" ]; do
    r_shell=${r_search%%:*}/sh r_search=${r_search#*:}
    [ -f "$r_shell" ] && [ -x "$r_shell" ] && return
  done
  r_shell='sh'
}
# Sets r_defaults to what gives a command SIGINT and SIGQUIT at their defaults: a background command of a shell starts
# with both ignored, which only bash can undo.
defaults() {
  if env --default-signal=INT,QUIT; then r_defaults='env'
  elif [ "$BASH_VERSION" ]; then r_defaults=bash
  elif command -v perl >/dev/null; then r_defaults=perl
  else r_defaults=none
  fi
}
# Waits for the command, whose id the launcher says on FD 6 as soon as it is claimed. If the launcher has gone, it may
# have claimed one just before. No signal may end the read while the launcher takes its supervisor for waiting: one that
# asks to end the command is sent again.
await() {
  trap '' USR1
  trap - CHLD
  r_draft=${r_dir%/c} r_root=${r_draft%/*}
  read -r r_id <&6 || {
    r_id=
    for r_sup_file in "$r_root"/*/c/sup; do
      read -r r_pid r_start r_skip <"$r_sup_file" && [ "$r_pid $r_start" = "$$ $r_sup_start" ] || continue
      r_id=${r_sup_file%/c/sup} r_id=${r_id##*/}
    done
    [ "$r_id" ] || { rm -rf "$r_draft"; exit 1; }
  }
  r_dir=$r_root/$r_id/c
  exec 6<&-
  listen
  # The directory may have been replaced meanwhile.
  enter "$PWD"
}
supervise() {
  exec </dev/null
  r_sup=$$ r_feeder= r_pump_out= r_pump_err= r_timer= r_woken= r_whole_seconds= r_no_fork= r_freeze= r_mark_shed= r_cancel=
  r_ending= r_out_job= r_err_job= r_out_counted= r_err_counted= r_detail=
  listen
  look $$ || exit 1
  r_sup_start=$r_start
  claim_start || exit 1
  echo "$$ $r_sup_start " 1<>"$r_dir/sup"
  defaults
  case $r_id in +*) await ;; esac
  exec 3>&- 4<"$r_dir/meta"
  read -r r_timeout r_silence r_grace r_output_limit r_background r_stdin_kind r_program_kind <&4
  if value; then
    enter "$r_value" || fail_start "There is no directory $r_value that can be entered."
    value
  elif value && [ -d "$r_value" ]; then
    enter "$r_value"
  fi
  r_project=$r_value
  read -r r_count <&4
  set -- env
  case $r_defaults in
    env) set -- env --default-signal=INT,QUIT ;;
    perl)
      # shellcheck disable=SC2016 # Perl expands it.
      set -- env PERL_BADLANG=0 perl -e '$SIG{INT}=$SIG{QUIT}="DEFAULT";delete $ENV{PERL_BADLANG};exec{$ARGV[0]}@ARGV' env
      ;;
    none) true >"$r_dir/noint" ;;
  esac
  # shellcheck disable=SC2154 # launcher.ts sets it.
  set -- "$@" -- "PATH=$r_path"
  r_shell='sh'
  while [ "$r_count" -gt 0 ]; do
    value
    set -- "$@" "$r_value"
    case $r_value in PATH=*) find_sh ;; esac
    r_count=$((r_count - 1))
  done
  unset r_path
  set -- "$@" "RDEV_COMMAND_ID=$r_id"
  read -r r_count <&4
  r_script_file=
  case $r_program_kind in
    # Shells print their script's name, which is constant this way. Other interpreters may read it in another process.
    script) r_script_file=/dev/fd/9; [ -e /dev/fd/0 ] || r_script_file=/proc/self/fd/9 ;;
    file) r_script_file=$r_dir/script ;;
  esac
  [ "$r_program_kind$r_count" = script0 ] && set -- "$@" "$r_shell"
  r_first=1
  while [ "$r_count" -gt 0 ]; do
    value
    # env would take it for a variable assignment.
    case $r_first$r_value in 1*=*) set -- "$@" "$r_shell" -c 'exec "$@"' sh ;; esac
    set -- "$@" "$r_value"
    r_count=$((r_count - 1)) r_first=
  done
  [ "$r_script_file" ] && set -- "$@" "$r_script_file"
  exec 4<&- 9<>"$r_dir/ctl" 3<>"$r_dir/o" 7<"$r_dir/o" 5>"$r_dir/o" 3<>"$r_dir/e" 8<"$r_dir/e" 6>"$r_dir/e" 3<&-
  case $r_stdin_kind in
    none) exec 4</dev/null ;;
    text) exec 4<"$r_dir/stdin" ;;
    # Only the feeder has the write end: so the command sees EOF, and the feeder notices when there is no reader.
    open)
      exec 3<>"$r_dir/in" 4<"$r_dir/in" 0>"$r_dir/in" 3>&0 0</dev/null
      (exec 4<&- 5>&- 6>&- 7<&- 8<>"$r_dir/put" 9<&-; feed) &
      r_feeder=$! r_feeder_start=
      look $r_feeder && r_feeder_start=$r_start
      exec 3>&-
      ;;
  esac
  # exec closes for good; a redirected call would leave copies in the shell. A pump must not be told to stop before it
  # has its trap.
  trap '' TERM
  (exec 4<&- 5>&- 6>&- 8<&-; pump out) &
  r_pump_out=$!
  (exec 7<&8 4<&- 5>&- 6>&- 8<&-; pump err) &
  r_pump_err=$!
  trap - TERM
  cpu_ms
  r_cpu_part=$r_cpu
  mark
  echo "$$ $r_sup_start - - $r_mark " 1<>"$r_dir/sup"
  uptime_ms
  r_started_at=$r_now
  (
    trap - INT QUIT USR1
    if [ "$r_program_kind" = script ]; then exec 9<"$r_dir/script"; else exec 9<&-; fi
    exec setsid "$@" 4<&- 5>&- 6>&- 7<&- 8<&-
  ) <&4 >&5 2>&6 &
  r_main=$!
  [ "$r_old_limit" ] && set_lock_limit "$r_old_limit"
  exec 4<&- 5>&- 6>&-
  r_main_start= r_oldest=$r_sup_start
  look $r_main && r_oldest=$r_start r_main_start=$r_start
  echo "$$ $r_sup_start $r_main $r_oldest $r_mark " 1<>"$r_dir/sup"
  # A shell that cannot fork exits. If the command caused that, it must be killed all the same.
  trap rescue EXIT
  # Opened only now, so that no process that may outlive us inherits it.
  exec 3<>"$r_dir/up"
  watch
  settle
}
rescue() {
  # A child that gets a signal between fork and exec may run this trap too.
  read -r r_own_pid r_skip </proc/self/stat
  [ "$r_own_pid" = $$ ] || exit 1
  trap - EXIT
  r_no_fork=1
  hardkill
  r_no_fork=
  uptime_ms
  [ "$r_ending" ] || { r_duration=$((r_now - r_started_at)); reap; }
  settle
}
watch() {
  r_why= r_sizes= r_output_at=$r_started_at r_quiet=0 r_check_at=$r_started_at
  while :; do
    # Anything that forks comes before r_woken=, as the end of any child ends the sleep.
    if [ "$r_why" ]; then
      [ "$r_ending" ] && { scan || return; }
    elif [ "$r_silence" -gt 0 ] && uptime_ms && [ $r_now -ge $r_check_at ]; then
      silence
    fi
    r_woken=
    [ "$r_ending" ] || {
      over $r_main && { uptime_ms; r_duration=$((r_now - r_started_at)); reap; [ "$r_why" ] && continue; }
    }
    requests
    [ "$r_cancel" ] && true >"$r_dir/heard"
    uptime_ms
    if [ "$r_why" ]; then
      [ "$r_cancel" ] && [ $((r_now + r_cancel)) -lt $r_until ] && r_until=$((r_now + r_cancel))
      [ $r_now -ge $r_until ] && return
      r_wait=$((r_until - r_now))
      [ "$r_ending" ] && { r_interval=$(((r_now - r_asked_at) / 16)); between 100 1000; }
      doze $r_wait
      continue
    fi
    [ "$r_ending" ] && return
    r_wait=$((r_started_at + r_timeout - r_now)) r_end_grace=$r_grace
    # A client that finds an overdue timeout requests a cancellation too.
    if [ $r_wait -le 0 ]; then r_why=timed_out; [ "$r_cancel" ] && [ "$r_cancel" -lt $r_end_grace ] && r_end_grace=$r_cancel
    elif [ "$r_cancel" ]; then r_why=cancelled r_end_grace=$r_cancel
    elif [ "$r_silence" -gt 0 ]; then
      [ $r_quiet -ge "$r_silence" ] && r_why=no_output
      [ $((r_check_at - r_now)) -ge $r_wait ] || r_wait=$((r_check_at - r_now))
    fi
    r_cancel=
    if [ "$r_why" ]; then
      scan
      ours
      r_asked_at=$r_now r_until=$((r_now + r_end_grace))
      # The signal must precede the end of the main process; otherwise it has ended by itself.
      if has "$r_tree" $r_main; then kill -TERM $r_tree; kill -CONT $r_tree; else r_why=; fi
    else
      doze $r_wait
    fi
  done
}
# The next check is after $r_interval ms, within these bounds, or after $r_wait ms if that is sooner.
between() {
  [ $r_interval -ge "$1" ] || r_interval=$1
  [ $r_interval -le "$2" ] || r_interval=$2
  [ $r_interval -ge $r_wait ] || r_wait=$r_interval
}
# Checks 16 times within the no-output timeout: the sizes of the spools, and beyond the output limit the bytes read.
# $r_quiet is the time that was certainly silent: from after the last check with output to before this one.
silence() {
  r_quiet=$((r_now - r_output_at))
  r_sizes_now=$(wc -c "$r_dir/out" "$r_dir/err")
  for r_stream in out err; do
    # shellcheck disable=SC2034 # r_skip is never read.
    read -r r_discarder r_skip <"$r_dir/$r_stream.dd" && case $r_discarder in
      *[!0-9]* | '') ;;
      *) r_io=$r_now; read -r r_io <"/proc/$r_discarder/io"; r_sizes_now="$r_sizes_now $r_io" ;;
    esac
  done
  uptime_ms
  [ "$r_sizes_now" = "$r_sizes" ] || r_sizes=$r_sizes_now r_output_at=$r_now r_quiet=0
  r_interval=$((r_silence / 16)) r_wait=$((r_silence - r_quiet))
  between 100 15000
  r_check_at=$((r_now + r_wait))
  ours
}
settle() {
  true >"$r_dir/heard"
  [ "$r_feeder" ] && echo deaf 1<>"$r_dir/put"
  r_reason=exited r_kill_report='- 0 0' r_leftovers=-
  if [ "$r_why" ]; then
    hardkill
    r_verified=1 r_leftovers=0
    [ $r_left = 0 ] || r_verified=0
    r_kill_report="$r_verified $r_left $r_walked"
    r_reason=$r_why
    uptime_ms
    r_until=$((r_now + 2000))
    while [ "$r_ending" = '' ] && [ $r_now -lt $r_until ]; do
      r_woken=
      if over $r_main; then r_duration=$((r_now - r_started_at)); reap; else doze 100; fi
      uptime_ms
    done
    [ "$r_ending" ] || r_ending='- 0' r_cpu_part=- r_duration=$((r_now - r_started_at))
  else
    case $r_ending in s*) r_reason=signaled ;; esac
    [ "$r_background" = 1 ] || { hardkill; r_leftovers=$r_killed; }
  fi
  # The pumps end by themselves when no process has the pipes any more. Otherwise they are told to stop, repeatedly, as
  # a signal may arrive just before a wait. On a busy machine this takes a while.
  uptime_ms
  r_stop_at=$((r_now + 300)) r_until=$((r_now + 120000))
  [ "$r_background" = 1 ] && r_stop_at=$r_now
  while r_woken=; ! {
    pumped $r_pump_out "$r_out_job" && r_out_job=Done && pumped $r_pump_err "$r_err_job" && r_err_job=Done
  }; do
    uptime_ms
    [ $r_now -lt $r_until ] || give_up
    # The command may have stopped them or their children.
    [ $r_now -ge $r_stop_at ] && kill -CONT 0
    # Not a pump that was waited for: its id may have been reused.
    [ $r_now -ge $r_stop_at ] && {
      [ "$r_out_job" = Done ] || kill -TERM $r_pump_out
      kill -TERM $r_pump_err
      r_stop_at=$((r_now + 100))
    }
    doze $((r_stop_at - r_now))
  done
  [ "$r_feeder" ] && unfeed
  record
}

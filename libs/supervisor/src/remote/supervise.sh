# The supervisor: starts the command, watches it, and records how it ended.

# Takes the right to start the command, which exists once.
claim_start() { set -C; true >"$r_c/go"; r_x=$?; set +C; return $r_x; }
# Reads a value: its number of lines, then the lines. Zero lines: no value.
value() {
  read -r r_n <&4
  r_v=
  [ "$r_n" -gt 0 ] || return 1
  IFS= read -r r_v <&4
  while r_n=$((r_n - 1)); [ $r_n -gt 0 ]; do IFS= read -r r_x <&4; r_v=$r_v$r_nl$r_x; done
}
# Sets r_cpu to the processor time of waited-for children in ms, from the second line of `times`. Requests may precede
# it.
cpu_ms() {
  r_cpu=0
  times >&9; echo . >&9
  while read -r r_l <&9; do
    case $r_l in .) break ;; cancel*) r_cancel=${r_l#* } ;; *) r_line=$r_l ;; esac
  done
  for r_dot in $r_line; do
    r_line=${r_dot#*m} r_frac=${r_line#*[.,]} r_frac=${r_frac%s}000
    r_cpu=$((r_cpu + ${r_dot%%m*} * 60000 + ${r_line%%[.,]*} * 1000 + 1${r_frac%"${r_frac#???}"} - 1000))
  done
}
# Records the processor time used before the main process is waited for: that is ours. The order matters, as bash may
# wait for children at any time.
ours() {
  cpu_ms
  over $r_main && return
  r_cpu0=$r_cpu r_outpaid= r_errpaid=
  kill -0 $r_out || r_outpaid=1
  kill -0 $r_err || r_errpaid=1
}
# Sleeps until a child ends, a request arrives or the time in ms is over; in bash at most that long. The traps end the
# sleep, so that a child that ends between a check and the wait is not missed; over() sees one that ended before
# r_woken=.
doze() {
  [ "$1" -gt 10 ] || set -- 10
  if [ "$BASH_VERSION" ]; then
    # In bash, wait would clear the job table, and only a request ends a read early: so it polls 50 to 5 times a second,
    # less often the longer the command runs. This takes no forks.
    r_x=$(((r_now - r_t0) / 20 + 20))
    [ $r_x -le 200 ] || r_x=200
    [ $r_x -le "$1" ] || r_x=$1
    r_x=$((r_x + 1000))
    read -t "0.${r_x#?}" -r r_x r_y <&9 && [ "$r_x" = cancel ] && r_cancel=$r_y
    return
  fi
  r_x=$(($1 % 1000 + 1000))
  if [ $1 -lt 10000 ] && [ "$r_whole" = '' ]; then r_x=$(($1 / 1000)).${r_x#1}; else r_x=$((($1 + 999) / 1000)); fi
  sleep $r_x 3<&- 7<&- 8<&- 9<&- &
  r_timer=$!
  [ "$r_woken" ] && kill -KILL $r_timer
  while kill -0 $r_timer; do wait $r_timer; [ $? = 1 ] && r_whole=1; done
  r_timer=
}
listen() {
  # In bash a signal would make read discard a partly read request.
  if [ "$BASH_VERSION" ]; then trap '' USR1; else trap 'r_woken=1; [ "$r_timer" ] && kill -KILL $r_timer' CHLD USR1; fi
}
requests() {
  echo . >&9
  while read -r r_x r_y <&9; do
    case $r_x in .) return ;; cancel) r_cancel=$r_y ;; esac
  done
}
# Only the job table distinguishes `exit 137` from SIGKILL. dash and busybox forget a job when it is listed, bash when
# it is waited for.
jobstate() {
  jobs -l >&9; echo . >&9
  while read -r r_l <&9; do
    case $r_l in
      .) return ;;
      cancel*) r_cancel=${r_l#* } ;;
      *" $r_main "*) r_job=${r_l#*" $r_main "} ;;
      *" $r_out "*) r_outjob=${r_l#*" $r_out "} ;;
      *" $r_err "*) r_errjob=${r_l#*" $r_err "} ;;
    esac
  done
}
# Sets r_code to the status of a child that has ended. A trapped signal would interrupt the wait with a status that
# could be the child's, and bash in POSIX mode would then forget the child.
status() {
  trap '' USR1
  trap - CHLD
  [ "$BASH_VERSION" ] && set +o posix
  wait "$1"
  r_code=$?
  case $r_code in 138 | 145) wait "$1"; r_x=$?; [ $r_x = 127 ] || r_code=$r_x ;; esac
  [ "$BASH_VERSION" ] && set -o posix
  listen
}
reap() {
  r_job= r_i=0
  [ "$BASH_VERSION" ] && while jobstate; case $r_job in Running*) [ $r_i -lt 100 ] ;; *) false ;; esac; do r_i=$((r_i + 1)); done
  status $r_main
  [ "$BASH_VERSION" ] || jobstate
  case $r_job in
    'Done('*) r_x=${r_job#*(}; r_raw="e ${r_x%%)*}" ;;
    Done*) r_raw='e 0' ;;
    Exit*) set -- $r_job; r_raw="e $2" ;;
    *) if [ $r_code -gt 128 ]; then r_raw="s $((r_code - 128))"; else r_raw="e $r_code"; fi ;;
  esac
  cpu_ms
  r_cpu0=$((r_cpu - r_cpu0))
  # Subtracts the pumps' processor time if it is included already.
  case $r_outpaid$r_outjob in Done*) read -r r_x r_y r_l <"$r_c/out.n" && r_cpu0=$((r_cpu0 - ${r_l:-0})) ;; esac
  case $r_errpaid$r_errjob in Done*) read -r r_x r_y r_l <"$r_c/err.n" && r_cpu0=$((r_cpu0 - ${r_l:-0})) ;; esac
  [ $r_cpu0 -ge 0 ] || r_cpu0=0
}
# Ends without a record, which clients correctly see as supervisor-gone.
give_up() { trap - EXIT; hardkill; kill -KILL $r_out $r_err; exit 1; }
record() {
  [ "$r_keep" = 1 ] && printf '%s\n%s' "$r_mark" "$r_home" >"${r_c%/c}/kept"
  r_so=0 r_se=0 r_po=0 r_pe=0
  [ -s "$r_c/out" ] && r_so=$(($(wc -c <"$r_c/out")))
  [ -s "$r_c/err" ] && r_se=$(($(wc -c <"$r_c/err")))
  read -r r_po r_x r_y <"$r_c/out.n"; r_po=$((r_so + r_po + r_x))
  read -r r_pe r_x r_y <"$r_c/err.n"; r_pe=$((r_se + r_pe + r_x))
  printf '1 %s %s %s %s %s %s %s %s %s %s\n%.300s\n' "$r_reason" "$r_raw" $r_ms "$r_cpu0" $r_po $r_pe $r_so $r_se \
    "$r_report" "$r_leftkilled" "$r_detail" 1<>"$r_c/end.tmp"
  mv "$r_c/end.tmp" "$r_c/end"
  trap - EXIT
  exit 0
}
fail_start() {
  r_detail=$1 r_reason=start_failed r_ms=0 r_cpu0=- r_raw='- 0' r_report='- 0 0' r_leftkilled=-
  # The detail is one line of the record.
  while case $r_detail in *"$r_nl"*) ;; *) false ;; esac; do r_detail=${r_detail%%"$r_nl"*}\\n${r_detail#*"$r_nl"}; done
  record
}
# Changes the directory. The prefix ./ keeps a relative directory from being an option or `-`, and from being searched
# in CDPATH. OLDPWD is ours and must not reach the command.
enter() { case $1 in /*) cd "$1" ;; *) cd "./$1" ;; esac && unset OLDPWD; }
# Finds the shell in the container's PATH: the command's PATH need not contain one.
find_sh() {
  r_x=$PATH:
  while [ "$r_x" ]; do
    r_sh=${r_x%%:*}/sh r_x=${r_x#*:}
    [ -f "$r_sh" ] && [ -x "$r_sh" ] && return
  done
  r_sh='sh'
}
supervise() {
  exec </dev/null
  r_sup=$$ r_feed= r_out= r_err= r_timer= r_woken= r_whole= r_frugal= r_freeze= r_shed= r_cancel= r_raw= r_outjob= r_errjob= r_outpaid= r_errpaid= r_detail=
  listen
  look $$ || exit 1
  r_s0=$r_start
  claim_start || exit 1
  echo "$$ $r_s0 " 1<>"$r_c/sup"
  exec 3>&- 4<"$r_c/meta"
  read -r r_timeout r_silence r_grace r_limit r_keep r_stdin r_kind <&4
  if value; then
    enter "$r_v" || fail_start "There is no directory $r_v that can be entered."
    value
  elif value && [ -d "$r_v" ]; then
    enter "$r_v"
  fi
  r_home=$r_v
  read -r r_k <&4
  set -- env
  # A background command of a shell starts with SIGINT and SIGQUIT ignored, which only bash can undo.
  if env --default-signal=INT,QUIT; then
    set -- env --default-signal=INT,QUIT
  elif [ "$BASH_VERSION" ]; then
    :
  elif command -v perl >/dev/null; then
    # shellcheck disable=SC2016 # These are Perl variables.
    set -- env PERL_BADLANG=0 perl -e '$SIG{INT}=$SIG{QUIT}="DEFAULT";delete $ENV{PERL_BADLANG};exec{$ARGV[0]}@ARGV' env
  else
    true >"$r_c/noint"
  fi
  set -- "$@" --
  r_sh='sh'
  while [ "$r_k" -gt 0 ]; do
    value
    set -- "$@" "$r_v"
    case $r_v in PATH=*) find_sh ;; esac
    r_k=$((r_k - 1))
  done
  set -- "$@" "RDEV_COMMAND_ID=$r_id"
  read -r r_k <&4
  r_file=
  case $r_kind in
    # Shells print their script's name, which is constant this way. Other interpreters may read it in another process.
    script) r_file=/dev/fd/9; [ -e /dev/fd/0 ] || r_file=/proc/self/fd/9 ;;
    file) r_file=$r_c/script ;;
  esac
  [ "$r_kind$r_k" = script0 ] && set -- "$@" "$r_sh"
  r_first=1
  while [ "$r_k" -gt 0 ]; do
    value
    # env would take it for a variable assignment.
    case $r_first$r_v in 1*=*) set -- "$@" "$r_sh" -c 'exec "$@"' sh ;; esac
    set -- "$@" "$r_v"
    r_k=$((r_k - 1)) r_first=
  done
  [ "$r_file" ] && set -- "$@" "$r_file"
  exec 4<&- 9<>"$r_c/ctl" 3<>"$r_c/o" 7<"$r_c/o" 5>"$r_c/o" 3<>"$r_c/e" 8<"$r_c/e" 6>"$r_c/e" 3<&-
  case $r_stdin in
    none) exec 4</dev/null ;;
    text) exec 4<"$r_c/stdin" ;;
    # Only the feeder has the write end: so the command sees EOF, and the feeder notices when there is no reader.
    open)
      exec 3<>"$r_c/in" 4<"$r_c/in" 0>"$r_c/in" 3>&0 0</dev/null
      (exec 4<&- 5>&- 6>&- 7<&- 8<>"$r_c/put" 9<&-; feed) &
      r_feed=$! r_f0=
      look $r_feed && r_f0=$r_start
      exec 3>&-
      ;;
  esac
  # exec closes for good; a redirected call would leave copies in the shell. A pump must not be told to stop before it
  # has its trap.
  trap '' TERM
  (exec 4<&- 5>&- 6>&- 8<&-; pump out) &
  r_out=$!
  (exec 7<&8 4<&- 5>&- 6>&- 8<&-; pump err) &
  r_err=$!
  trap - TERM
  cpu_ms
  r_cpu0=$r_cpu
  mark
  echo "$$ $r_s0 - - $r_mark " 1<>"$r_c/sup"
  uptime_ms
  r_t0=$r_now
  (
    trap - INT QUIT USR1
    if [ "$r_kind" = script ]; then exec 9<"$r_c/script"; else exec 9<&-; fi
    exec setsid "$@" 4<&- 5>&- 6>&- 7<&- 8<&-
  ) <&4 >&5 2>&6 &
  r_main=$!
  [ "$r_was" ] && set_lock_limit "$r_was"
  exec 4<&- 5>&- 6>&-
  r_m1= r_m0=$r_s0
  look $r_main && r_m0=$r_start r_m1=$r_start
  echo "$$ $r_s0 $r_main $r_m0 $r_mark " 1<>"$r_c/sup"
  # A shell that cannot fork exits. If the command caused that, it must be killed all the same.
  trap rescue EXIT
  # Opened only now, so that no process that may outlive us inherits it.
  exec 3<>"$r_c/up"
  watch
  settle
}
rescue() {
  # A child that gets a signal between fork and exec may run this trap too.
  read -r r_x r_y </proc/self/stat
  [ "$r_x" = $$ ] || exit 1
  trap - EXIT
  r_frugal=1
  hardkill
  r_frugal=
  uptime_ms
  [ "$r_raw" ] || { r_ms=$((r_now - r_t0)); reap; }
  settle
}
watch() {
  r_why= r_size= r_heard=$r_t0 r_quiet=0 r_due=$r_t0
  while :; do
    # Anything that forks comes before r_woken=, as the end of any child ends the sleep.
    if [ "$r_why" ]; then
      [ "$r_raw" ] && { scan || return; }
    elif [ "$r_silence" -gt 0 ] && uptime_ms && [ $r_now -ge $r_due ]; then
      silence
    fi
    r_woken=
    [ "$r_raw" ] || { over $r_main && { uptime_ms; r_ms=$((r_now - r_t0)); reap; [ "$r_why" ] && continue; }; }
    requests
    [ "$r_cancel" ] && true >"$r_c/heard"
    uptime_ms
    if [ "$r_why" ]; then
      [ "$r_cancel" ] && [ $((r_now + r_cancel)) -lt $r_until ] && r_until=$((r_now + r_cancel))
      [ $r_now -ge $r_until ] && return
      r_wait=$((r_until - r_now))
      [ "$r_raw" ] && { r_x=$(((r_now - r_asked) / 16)); between 100 1000; }
      doze $r_wait
      continue
    fi
    [ "$r_raw" ] && return
    r_wait=$((r_t0 + r_timeout - r_now)) r_until=$r_grace
    # A client that finds an overdue timeout requests a cancellation too.
    if [ $r_wait -le 0 ]; then r_why=timed_out; [ "$r_cancel" ] && [ "$r_cancel" -lt $r_until ] && r_until=$r_cancel
    elif [ "$r_cancel" ]; then r_why=cancelled r_until=$r_cancel
    elif [ "$r_silence" -gt 0 ]; then
      [ $r_quiet -ge "$r_silence" ] && r_why=no_output
      [ $((r_due - r_now)) -ge $r_wait ] || r_wait=$((r_due - r_now))
    fi
    r_cancel=
    if [ "$r_why" ]; then
      scan
      ours
      r_asked=$r_now r_until=$((r_now + r_until))
      # The signal must precede the end of the main process; otherwise it has ended by itself.
      if has "$r_tree" $r_main; then kill -TERM $r_tree; kill -CONT $r_tree; else r_why=; fi
    else
      doze $r_wait
    fi
  done
}
# The next check is after $r_x ms, within these bounds, or after $r_wait ms if that is sooner.
between() {
  [ $r_x -ge "$1" ] || r_x=$1
  [ $r_x -le "$2" ] || r_x=$2
  [ $r_x -ge $r_wait ] || r_wait=$r_x
}
# Checks 16 times within the no-output timeout: the sizes of the spools, and beyond the output limit the bytes read.
# $r_quiet is the time that was certainly silent: from after the last check with output to before this one.
silence() {
  r_quiet=$((r_now - r_heard))
  r_x=$(wc -c "$r_c/out" "$r_c/err")
  for r_y in out err; do
    read -r r_y r_l <"$r_c/$r_y.dd" && case $r_y in
      *[!0-9]* | '') ;;
      *) r_l=$r_now; read -r r_l <"/proc/$r_y/io"; r_x="$r_x $r_l" ;;
    esac
  done
  uptime_ms
  [ "$r_x" = "$r_size" ] || r_size=$r_x r_heard=$r_now r_quiet=0
  r_x=$((r_silence / 16)) r_wait=$((r_silence - r_quiet))
  between 100 15000
  r_due=$((r_now + r_wait))
  ours
}
settle() {
  true >"$r_c/heard"
  [ "$r_feed" ] && echo deaf 1<>"$r_c/put"
  r_reason=exited r_report='- 0 0' r_leftkilled=-
  if [ "$r_why" ]; then
    hardkill
    r_verified=1 r_leftkilled=0
    [ $r_left = 0 ] || r_verified=0
    r_report="$r_verified $r_left $r_walked"
    r_reason=$r_why
    uptime_ms
    r_until=$((r_now + 2000))
    while [ "$r_raw" = '' ] && [ $r_now -lt $r_until ]; do
      r_woken=
      if over $r_main; then r_ms=$((r_now - r_t0)); reap; else doze 100; fi
      uptime_ms
    done
    [ "$r_raw" ] || r_raw='- 0' r_cpu0=- r_ms=$((r_now - r_t0))
  else
    case $r_raw in s*) r_reason=signaled ;; esac
    [ "$r_keep" = 1 ] || { hardkill; r_leftkilled=$r_killed; }
  fi
  # The pumps end by themselves when no process has the pipes any more. Otherwise they are told to stop, repeatedly, as
  # a signal may arrive just before a wait. On a busy machine this takes a while.
  uptime_ms
  r_cutat=$((r_now + 300)) r_until=$((r_now + 120000))
  [ "$r_keep" = 1 ] && r_cutat=$r_now
  while r_woken=; ! { pumped $r_out "$r_outjob" && r_outjob=Done && pumped $r_err "$r_errjob" && r_errjob=Done; }; do
    uptime_ms
    [ $r_now -lt $r_until ] || give_up
    # The command may have stopped them or their children.
    [ $r_now -ge $r_cutat ] && kill -CONT 0
    # Not a pump that was waited for: its id may have been reused.
    [ $r_now -ge $r_cutat ] && { [ "$r_outjob" = Done ] || kill -TERM $r_out; kill -TERM $r_err; r_cutat=$((r_now + 100)); }
    doze $((r_cutat - r_now))
  done
  [ "$r_feed" ] && unfeed
  record
}

# The far side of rdev: starts a command detached from the connection, keeps its output and its ending, and shows them.
# POSIX sh for dash, busybox ash and bash. It reaches the shell through stdin (see launcher.ts), without these comments.
# `node libs/supervisor/embed.mjs` puts it into supervisor-script.ts.
#
# Every variable starts with r_: any other name may be exported in the container's environment, and assigning to it
# would change what the command sees.
#
# <root>/<id>          the claim: moved here complete, before anything starts, or not at all
# <root>/<id>/kept     made if its processes may outlive it: what finds them, and the directory of its project
# <root>/<id>/done     all was read and removed; the claim stays, so that the command is never started again
# <root>/<id>/c/       what is left of it when that has gone:
#   meta script stdin  the request
#   out err            the spools
#   o e in ctl put     FIFOs: the command's stdout, stderr, open stdin; requests to the supervisor, and to the feeder of that stdin
#   up                 FIFO that the supervisor holds open: who reads it sees the end when the supervisor has ended
#   put.* said.*       pieces of stdin that are offered to the feeder, and its answers
#   in.<offset>        pieces that it has taken and not yet given to the command; deaf: it takes no more
#   go                 made by the supervisor before anything else, or by whoever gave the command up: the right to start it, once only
#   sup                "<supervisor pid> <its start time> <main pid> <its start time> <mark>"; "-" as long as there is no main process
#   noint              made where commands cannot be started with SIGINT and SIGQUIT as they are by default
#   heard              made when the command is being ended: a request to do so has been noticed, or is not needed
#   mute               made when a supervisor that did not react was killed
#   end                the exit record; end.tmp, sup, out.n, err.n, *.dd are written ahead as blanks and filled in place,
#                      so that a full disk cannot prevent them

r_nl='
'
# What the shell may print about itself must not get between the streams.
exec 3>&2 2>/dev/null

has() { case $1 in *" $2 "*) return 0 ;; esac; return 1; }
nap() { sleep "$1" || sleep 1; }
# A nap of $r_nap ms, and the next one is 5 ms longer, up to half a second: what lasts long is looked at less often.
pause() {
  r_nap=$((r_nap + 1000))
  nap "0.${r_nap#1}"
  r_nap=$((r_nap - 995))
  [ $r_nap -le 500 ] || r_nap=500
}
uptime_ms() { read -r r_up r_idle </proc/uptime; r_now=$((${r_up%.*} * 1000 + 1${r_up#*.}0 - 1000)); }

# The fields of /proc/<pid>/stat after the program's name, which may hold blanks, newlines and parentheses.
look() {
  r_stat= r_state= r_ppid= r_session= r_start=
  { while IFS= read -r r_line; do r_stat=$r_line; done; } <"/proc/$1/stat"
  set -- ${r_stat##*) }
  [ $# -gt 20 ] || return 1
  r_state=$1 r_ppid=$2 r_session=$4 r_start=${20}
  # Its first thread has ended, others have not.
  [ "$1" != Z ] || [ "${18}" -lt 2 ] || r_state=S
}
living() { look "$1" && [ "$r_state" != Z ] && [ "$r_state" != X ]; }
alive() { living "$1" && [ "$r_start" = "$2" ]; }

# The first line of a file that is filled in place. dash and busybox read byte by byte, so one look may begin before the write and end
# after it: two that agree did not.
steady() {
  r_line=
  while r_x=$r_line; IFS= read -r r_line <"$1" || r_line=; [ "$r_line" != "$r_x" ]; do :; done
}

# --- finding and killing what is left of $r_id, whose main process is $r_main, started at $r_m0 ---

# Gives what is started from now on a mark: a number as the soft limit of file locks, which has had no effect since Linux 2.4.25. Every
# descendant inherits it, whatever becomes of its environment, session and parents, and it can be read of every process. An rdev that runs
# in a command adds digits to the mark of that, so who looks for the shorter one finds both. Without $r_mark there is none: the limit is not
# shown here, the hard limit is too low, or there is no room for more digits. $r_was is the limit to return to.
mark() {
  r_mark=
  lock_limit self
  r_was=$r_soft
  [ "$r_was" ] && IFS= read -r r_x </proc/sys/kernel/random/uuid || return
  r_x=0x${r_x##*-}
  case $r_was in
    unlimited) r_mark=$((r_x % 70000000000 + 10000000000)) ;;
    *) r_mark=$r_was$((r_x % 90000000 + 10000000)) ;;
  esac
  set_lock_limit "$r_mark"
  lock_limit self
  [ "$r_soft" = "$r_mark" ] || r_mark=
}
# bash and newer busybox call it x, dash and older busybox w.
set_lock_limit() { ulimit -S -x "$1" || ulimit -S -w "$1"; }
lock_limit() {
  r_soft=
  while read -r r_x r_y r_l r_soft r_d; do [ "$r_x $r_y $r_l" = 'Max file locks' ] && return; done <"/proc/$1/limits"
}

# Sets r_tree to " pid pid ": what is alive of the command. With r_freeze, what has the mark is stopped as soon as it is seen.
scan() {
  r_tree=' ' r_missed=
  if [ "$r_mark" ]; then
    newest
    r_since=$r_last
    if [ "$r_frugal" ] || ! marked; then for r_f in /proc/[0-9]*; do bears "${r_f#/proc/}"; done; fi
    [ "$r_freeze" ] && chase
    # A main process without the mark has set the limit itself.
    has "$r_tree" "$r_main" || ! alive "$r_main" "$r_m1" || r_shed=1
    if [ "$r_tree" = ' ' ]; then
      if [ "$r_frugal" ] || strays; then walk; fi
    else
      # A fork bomb is outrun by its mark alone; what has none comes when all that has one stands still.
      [ "$r_freeze" ] && [ ! "$r_wide" ] || walk
    fi
  else
    walk
  fi
  [ "$r_tree$r_missed" != ' ' ]
}
# Whether anything seems to be left in the session of the main process, or to have the name of the command in its environment. Login
# programs, such as su with PAM, set all limits: what they start has no mark.
strays() {
  r_x=$(LC_ALL=C grep -lE "\\) [^ ZX] -?[0-9]+ -?[0-9]+ $r_main |RDEV_COMMAND_ID=$r_id" /proc/[0-9]*/stat /proc/[0-9]*/environ)
  [ "$r_x" ]
}
# In two processes however many there are. Fails where it cannot have them.
marked() {
  r_x=$(LC_ALL=C grep -lE "^Max file locks +$r_mark[0-9]* " /proc/[0-9]*/limits)
  [ $? -le 2 ] || return 1
  r_y=
  set --
  for r_f in $r_x; do r_f=${r_f%/limits} r_y="$r_y $r_f/stat"; set -- "$@" "${r_f#/proc/}"; done
  [ $# = 0 ] && return
  [ "$r_freeze" ] && kill -STOP "$@"
  # No zombies, unless they have more than one thread. A name has no room for so many numbers.
  r_x=$(LC_ALL=C grep -lE '\) ([^ZX]( -?[0-9]+){17}|Z( -?[0-9]+){16} ([2-9]|[1-9][0-9]+)) ' $r_y)
  [ $? -le 2 ] || return 1
  for r_f in $r_x; do r_f=${r_f#/proc/} r_tree="$r_tree${r_f%/stat} "; done
}
bears() {
  living "$1" || return
  lock_limit "$1"
  case $r_soft in "$r_mark"*) ;; *) return ;; esac
  [ "$r_freeze" ] && kill -STOP "$1"
  r_tree="$r_tree$1 "
}
# A process that forks and ends while others are looked at is missed, and its child too. So where nothing was found, those are looked at
# that were made since, until none was: only then nothing is left for certain. One that is faster than that leaves r_missed.
chase() {
  r_hunt=0
  while [ "$r_tree" = ' ' ] || return; newest; [ "$r_last" != "$r_since" ]; do
    # Ids begin again.
    [ "$r_last" -gt "$r_since" ] || { scan; return; }
    r_i=$r_last r_hunt=$((r_hunt + 1))
    [ $r_hunt -lt 100 ] || { r_missed=1; return; }
    # The last ones first, and most are gone.
    while [ $r_i -gt $r_since ]; do [ -e /proc/$r_i ] && bears $r_i; r_i=$((r_i - 1)); done
    r_since=$r_last
  done
}
# The id that was given last in our PID namespace.
newest() { r_last=; read -r r_x r_x r_x r_x r_last </proc/loadavg; }

# What has no mark, without a process: by the session of the main process, by parentage and by the environment.
walk() {
  r_rows= r_led=$r_main
  [ "$r_launcher" ] && { alive "$r_launcher" "$r_l0" || r_launcher=; }
  for r_f in /proc/[0-9]*; do
    r_p=${r_f#/proc/}
    # Nothing of the command can have started before it.
    living "$r_p" && [ "$r_start" -ge "$r_m0" ] && row
  done
  grow
  for r_row in $r_rows; do named "${r_row%%:*}"; done
  grow
}
row() {
  # The id of the main process may be in use again, and its session is another one then.
  [ "$r_p" = "$r_main" ] && [ "$r_m1" ] && [ "$r_start" != "$r_m1" ] && { r_led=-; return; }
  # Ours: the supervisor, what it runs, and the attachment that started it. Others of ours are known by their environment.
  [ "$r_p" = $$ ] && return
  case " $$ $r_launcher " in *" $r_ppid "*) [ "$r_p" = "$r_main" ] || return ;; esac
  r_rows="$r_rows $r_p:$r_ppid:$r_session"
}
# Adds the session of the main process and all children, until nothing is new.
grow() {
  while :; do
    r_before=$r_tree
    for r_row in $r_rows; do
      r_p=${r_row%%:*} r_x=${r_row#*:}
      has "$r_tree" "$r_p" && continue
      if [ "$r_p" = "$r_main" ] || [ "${r_x#*:}" = "$r_led" ] || has "$r_tree" "${r_x%%:*}"; then r_tree="$r_tree$r_p "; fi
    done
    [ "$r_before" = "$r_tree" ] && return
  done
}
# Adds a process whose environment names the command. The shell drops the NULs, so another variable may have that at its end.
named() {
  has "$r_tree" "$1" && return
  r_x=
  { while IFS= read -r r_line; do r_x=$r_x$r_line$r_nl; done; r_x=$r_x$r_line; } <"/proc/$1/environ"
  case $r_x in *"RDEV_COMMAND_ID=$r_id"*) ;; *) return ;; esac
  [ "$r_frugal" ] || LC_ALL=C grep -zqxF "RDEV_COMMAND_ID=$r_id" "/proc/$1/environ"
  # 2: it does not know -z, or the process has ended.
  [ $? = 1 ] || r_tree="$r_tree$1 "
}
# Freezes until nothing new appears (a fork bomb cannot outrun that), then kills, until nothing is left.
# Sets r_killed (how many), r_left (survivors) and r_walked: 1 if not by the mark.
hardkill() {
  r_seen=' ' r_killed=0 r_left=0 r_round=0 r_walked=0 r_freeze=1 r_wide=
  while [ $r_round -lt 30 ]; do
    r_round=$((r_round + 1)) r_new=
    scan || break
    for r_p in $r_tree; do has "$r_seen" "$r_p" || r_seen="$r_seen$r_p " r_new="$r_new $r_p" r_killed=$((r_killed + 1)); done
    if [ "$r_new" ]; then kill -STOP $r_new; elif [ "$r_wide" ]; then break; else r_wide=1; fi
  done
  r_round=0 r_wide=
  while [ "$r_tree$r_missed" != ' ' ] && [ $r_round -lt 100 ]; do
    kill -KILL $r_tree
    r_round=$((r_round + 1))
    [ $r_round -gt 2 ] && [ "$r_frugal" = '' ] && nap 0.03
    scan
  done
  for r_p in $r_tree $r_missed; do r_left=$((r_left + 1)); done
  [ "$r_mark" ] && [ ! "$r_shed" ] || r_walked=1
}

# --- the supervisor ---

# The right to start the command, which only one gets.
claim_start() { set -C; true >"$r_c/go"; r_x=$?; set +C; return $r_x; }

# One value: a line with the number of its lines, then these. Zero lines: no value.
value() {
  read -r r_n <&4
  r_v=
  [ "$r_n" -gt 0 ] || return 1
  IFS= read -r r_v <&4
  while r_n=$((r_n - 1)); [ $r_n -gt 0 ]; do IFS= read -r r_x <&4; r_v=$r_v$r_nl$r_x; done
}
# Milliseconds of processor time of the children that were waited for, from the second line of `times`. Requests may stand before it.
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
# Whether a child has ended, reaped or not.
over() { kill -0 "$1" || return 0; look "$1" && [ "$r_state" = Z ]; }
# What was used as long as the command's main process has not been waited for is ours. In this order, as bash waits at any time.
ours() {
  cpu_ms
  over $r_main && return
  r_cpu0=$r_cpu r_outpaid= r_errpaid=
  kill -0 $r_out || r_outpaid=1
  kill -0 $r_err || r_errpaid=1
}

# Stores what comes through FD 7, up to the limit; reads and counts the rest. TERM: stop as soon as the pipe is empty.
pump() {
  r_f=$r_c/$1 r_n=0 r_rest=0 r_bad=0 r_stop= r_cut=
  trap r_stop=1 TERM
  trap - CHLD
  # It asks dd how far it is.
  trap '' USR1
  exec 9<&-
  while [ $r_n -lt "$r_limit" ]; do
    # Rounds: dd stores each read at once, but counts short reads as blocks. Never more than the limit in sum, and at
    # least 64 reads a round as long as there is room for that.
    r_room=$((r_limit - r_n)) r_b=65536
    while [ $r_b -gt 1 ] && [ $((r_room / r_b)) -lt 64 ]; do r_b=$((r_b / 2)); done
    r_k=$((r_room / r_b))
    dd bs=$r_b count=$r_k <&7 >>"$r_f" 2<>"$r_f.dd" &
    r_d=$!
    hold
    [ "$r_cut" ] && break
    [ $r_st != 0 ] && [ $r_st -lt 128 ] && { r_bad=1; break; }
    # "12+3 records in": fewer than asked for means the end. More than one such line is what a signal or an earlier round has left.
    r_x= r_y=0
    while read -r r_l; do case $r_l in *' records in') r_x=${r_l%% *} r_y=$((r_y + 1)) ;; esac; done <"$r_f.dd"
    [ $r_st = 0 ] && [ $r_y = 1 ] && case $r_x in *[!0-9+]* | '') ;; *+*) [ $(($r_x)) -lt $r_k ] && break ;; esac
    r_x=$(wc -c <"$r_f")
    [ $((r_x)) = $r_n ] && [ $r_st = 0 ] && break
    r_n=$((r_x))
  done
  if [ $r_bad = 1 ] || [ $r_n -ge "$r_limit" ]; then
    # cat can be cut without losing wc's count. FIFO and result are made before, should the disk be full. Both ends are opened here: cat
    # may be cut before it would have opened its own, and wc would wait for that for ever.
    exec 9<>"$r_f.rest" 5<"$r_f.rest" 6>"$r_f.rest" 9<&-
    cat <&7 >&6 5<&- &
    r_d=$!
    echo "$r_d " 1<>"$r_f.dd"
    wc -c <&5 1<>"$r_f.n" 6>&- 7<&- &
    r_y=$!
    exec 5<&- 6>&-
    hold
    while kill -0 $r_y; do wait $r_y; done
    read -r r_rest r_x <"$r_f.n"
  fi
  # Whoever was left with the pipe in hand must not get SIGPIPE, nor block.
  if [ "$r_cut" ]; then cat <&7 >/dev/null 7<&- & fi
  r_cpu=0
  # A signal would end a read before its line does.
  trap '' TERM
  cpu_ms 9<>"$r_f.rest"
  echo "$((r_rest)) $r_bad $r_cpu " 1<>"$r_f.n"
  exit 0
}
# Waits for the pump's child. When told to stop, until it sleeps (the pipe is empty), a second at most, and cuts it. One that ended by
# itself was not cut: there may be more in the pipe.
hold() {
  r_cut=
  while :; do
    wait $r_d
    r_st=$?
    over $r_d && break
    [ "$r_stop" ] || continue
    r_i=0 r_asleep=0
    while look $r_d && [ "$r_state" != Z ] && [ $r_i -lt 100 ] && [ $r_asleep -lt 2 ]; do
      case $r_state in S) r_asleep=$((r_asleep + 1)) ;; *) r_asleep=0 ;; esac
      [ $r_asleep -lt 2 ] && nap 0.01
      r_i=$((r_i + 1))
    done
    kill $r_d && r_cut=1
  done
  # The wait may have ended by the signal just when the child ended.
  [ $r_st = 143 ] && { wait $r_d; r_x=$?; [ $r_x = 127 ] || r_st=$r_x; }
  # bash may lose the status then, and says -1. Whether the child failed is found out by the next one.
  [ $r_st -ge 0 ] || r_st=255
  [ $r_st = 143 ] || r_cut=
}

# Gives the command what was put, in order, and its end. FD 3 is the command's stdin. What is said on FD 8 is taken one by one, which
# makes each piece's place certain: r_y bytes were put, r_n of them given, r_k pieces wait.
feed() {
  trap - CHLD USR1
  trap 'true >"$r_c/deaf"' EXIT
  r_y=0 r_n=0 r_k=0 r_eof= r_busy=
  while read -r r_x r_t r_len r_at r_l <&8; do
    case $r_x in
      put) [ -e "$r_c/put.$r_t" ] && accept ;;
      fed) r_n=$((r_n + r_t)) r_k=$((r_k - 1)) r_busy= ;;
      deaf) wait; exit 0 ;;
    esac
    [ "$r_busy" ] && continue
    if [ $r_k -gt 0 ]; then
      r_busy=1
      give "$r_c/in.$r_n" &
    elif [ "$r_eof" ]; then
      exec 3>&-
    fi
  done
}
accept() {
  if [ "$r_eof" ]; then r_x=closed
  elif [ "$r_at" != - ] && [ "$r_at" != $r_y ]; then r_x=offset
  elif [ "$r_len" -gt 0 ] && [ $r_k -gt 0 ] && { [ $((r_y - r_n + r_len)) -gt 1048576 ] || [ $r_k -ge 256 ]; }; then r_x=full
  elif [ "$r_len" -gt 0 ] && ! mv "$r_c/put.$r_t" "$r_c/in.$r_y"; then r_x=full
  else
    [ "$r_len" = 0 ] || r_k=$((r_k + 1))
    r_y=$((r_y + r_len)) r_x=accepted
    [ "$r_l" = 0 ] || r_eof=1
  fi
  rm -f "$r_c/put.$r_t"
  echo "$r_x $r_y " 1<>"$r_c/said.$r_t"
}
give() {
  r_x=$(wc -c <"$1")
  if cat "$1" >&3; then rm "$1"; echo "fed $((r_x))" >&8; else echo deaf >&8; fi
}

# Sleeps until a child ends, a request comes or the milliseconds are over (bash: no longer). The traps end the sleep, which makes it
# impossible to miss a child that ends between a look and the wait; what was missed before r_woken= is seen by over().
doze() {
  [ "$1" -gt 10 ] || set -- 10
  if [ "$BASH_VERSION" ]; then
    # Here wait would clear the job table, and nothing but a request ends a read early: look 50 to 5 times a second, the
    # less often the longer the command runs. It takes no forks.
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
  # A signal would make the read of bash throw away the half of a request that it has.
  if [ "$BASH_VERSION" ]; then trap '' USR1; else trap 'r_woken=1; [ "$r_timer" ] && kill -KILL $r_timer' CHLD USR1; fi
}
requests() {
  echo . >&9
  while read -r r_x r_y <&9; do
    case $r_x in .) return ;; cancel) r_cancel=$r_y ;; esac
  done
}
# Only the job table tells `exit 137` from SIGKILL. dash and busybox forget a job once it is listed, bash once it is waited for.
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
# The status of a child that has ended. A trapped signal would end the wait early, with a status that could be the child's,
# and bash in POSIX mode would then forget the child.
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
  # The pumps' share, if it is in there already.
  case $r_outpaid$r_outjob in Done*) read -r r_x r_y r_l <"$r_c/out.n" && r_cpu0=$((r_cpu0 - ${r_l:-0})) ;; esac
  case $r_errpaid$r_errjob in Done*) read -r r_x r_y r_l <"$r_c/err.n" && r_cpu0=$((r_cpu0 - ${r_l:-0})) ;; esac
  [ $r_cpu0 -ge 0 ] || r_cpu0=0
}
# Ends without a record: that is seen as supervisor-gone, and is the truth.
give_up() { trap - EXIT; hardkill; kill -KILL $r_out $r_err; exit 1; }
pumped() {
  case $2 in Done' '* | Done) return 0 ;; Done* | [!R]*) give_up ;; esac
  over "$1" || return 1
  status "$1"
  [ $r_code = 0 ] || give_up
}
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
  # The record has one line for it.
  while case $r_detail in *"$r_nl"*) ;; *) false ;; esac; do r_detail=${r_detail%%"$r_nl"*}\\n${r_detail#*"$r_nl"}; done
  record
}
# A relative directory is never an option or `-`, and not looked for in CDPATH. Where we were before is of no use to the command.
enter() { case $1 in /*) cd "$1" ;; *) cd "./$1" ;; esac && unset OLDPWD; }
# Finds the shell by the container's PATH: that of the command need not lead to one.
find_sh() {
  r_x=$PATH:
  while [ "$r_x" ]; do
    r_sh=${r_x%%:*}/sh r_x=${r_x#*:}
    [ -f "$r_sh" ] && [ -x "$r_sh" ] && return
  done
  r_sh=sh
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
  # A command in the background of a shell starts with SIGINT and SIGQUIT ignored, which of all shells only bash can undo.
  if env --default-signal=INT,QUIT; then
    set -- env --default-signal=INT,QUIT
  elif [ "$BASH_VERSION" ]; then
    :
  elif command -v perl >/dev/null; then
    set -- env PERL_BADLANG=0 perl -e '$SIG{INT}=$SIG{QUIT}="DEFAULT";delete $ENV{PERL_BADLANG};exec{$ARGV[0]}@ARGV' env
  else
    true >"$r_c/noint"
  fi
  set -- "$@" --
  r_sh=sh
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
    # Shells print the name of their script: by this one it is the same each time. Others may have it read by another process.
    script) r_file=/dev/fd/9; [ -e /dev/fd/0 ] || r_file=/proc/self/fd/9 ;;
    file) r_file=$r_c/script ;;
  esac
  [ "$r_kind$r_k" = script0 ] && set -- "$@" "$r_sh"
  r_first=1
  while [ "$r_k" -gt 0 ]; do
    value
    # env would take it for a variable.
    case $r_first$r_v in 1*=*) set -- "$@" "$r_sh" -c 'exec "$@"' sh ;; esac
    set -- "$@" "$r_v"
    r_k=$((r_k - 1)) r_first=
  done
  [ "$r_file" ] && set -- "$@" "$r_file"
  exec 4<&- 9<>"$r_c/ctl" 3<>"$r_c/o" 7<"$r_c/o" 5>"$r_c/o" 3<>"$r_c/e" 8<"$r_c/e" 6>"$r_c/e" 3<&-
  case $r_stdin in
    none) exec 4</dev/null ;;
    text) exec 4<"$r_c/stdin" ;;
    # The writing end is the feeder's alone: its end is seen, and the feeder sees when nobody reads.
    open)
      exec 3<>"$r_c/in" 4<"$r_c/in" 0>"$r_c/in" 3>&0 0</dev/null
      (exec 4<&- 5>&- 6>&- 7<&- 8<>"$r_c/put" 9<&-; feed) &
      r_feed=$! r_f0=
      look $r_feed && r_f0=$r_start
      exec 3>&-
      ;;
  esac
  # exec closes for good; with a redirected call the shell would keep copies. A pump is not to be told to stop before it listens.
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
  # A shell that cannot make another process ends. The command may be to blame: it must not get away with that.
  trap rescue EXIT
  # Only now, so that nothing that may outlive us has it.
  exec 3<>"$r_c/up"
  watch
  settle
}
rescue() {
  # A child that a signal hits between fork and exec may run this as well.
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
    # What forks comes before r_woken=, as the end of any child ends the sleep.
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
    # Who finds that the time is over long ago asks for the end as well.
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
      # Its signal must precede the ending.
      if has "$r_tree" $r_main; then kill -TERM $r_tree; kill -CONT $r_tree; else r_why=; fi
    else
      doze $r_wait
    fi
  done
}
# The next look is after $r_x ms, within these bounds, or after $r_wait ms.
between() {
  [ $r_x -ge "$1" ] || r_x=$1
  [ $r_x -le "$2" ] || r_x=$2
  [ $r_x -ge $r_wait ] || r_wait=$r_x
}
# Looks 16 times within the time allowed: at the spools, and beyond the limit at what was read. $r_quiet is how long nothing came for
# certain: from after the look that found something to before this one.
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
  # The pumps end by themselves when nobody has the pipes any more. If someone has, they are told to, again and again
  # as a signal can come just before a wait. On a machine with much to do that takes its time.
  uptime_ms
  r_cutat=$((r_now + 300)) r_until=$((r_now + 120000))
  [ "$r_keep" = 1 ] && r_cutat=$r_now
  while r_woken=; ! { pumped $r_out "$r_outjob" && r_outjob=Done && pumped $r_err "$r_errjob" && r_errjob=Done; }; do
    uptime_ms
    [ $r_now -lt $r_until ] || give_up
    # The command may have stopped them, or what they run.
    [ $r_now -ge $r_cutat ] && kill -CONT 0
    # Not one that was waited for: its id may be in use again.
    [ $r_now -ge $r_cutat ] && { [ "$r_outjob" = Done ] || kill -TERM $r_out; kill -TERM $r_err; r_cutat=$((r_now + 100)); }
    doze $((r_cutat - r_now))
  done
  [ "$r_feed" ] && unfeed
  record
}
# What it runs ends when nobody has the command's stdin any more, and is reaped by it: process 1 of the container may not do that.
unfeed() {
  r_i=0
  while alive $r_feed "$r_f0" && [ $r_i -lt 30 ]; do nap 0.01; r_i=$((r_i + 1)); done
  alive $r_feed "$r_f0" && kill -KILL $r_feed
  # The end of another child may end the first one.
  wait $r_feed
  wait $r_feed
}

# --- the near side of the connection ---

header() { printf '%s %s\n' "$r_nonce" "$1"; printf %s "$r_nonce" >&3; }
trailer() { printf '%s%s\n%s' "$r_nonce" "$1" "$r_nonce"; printf %s "$r_nonce" >&3; }
refuse() { header "$1"; trailer ''; exit 0; }

# The roots in use or possible. One that holds a claim on the command comes first.
locate() {
  r_root=
  for r_b; do [ -d "$r_b/rdev/$r_id" ] && [ -O "$r_b/rdev" ] && { r_root=$r_b/rdev r_c=$r_root/$r_id/c; return 0; }; done
  return 1
}
# The first directory that works; which do not is the same for all that start the command. So a full one, which may have room for one of
# them, does not count as such: there would be two claims.
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
# Says what is wrong with it.
place() {
  [ "$r_want" = '' ] || [ -d "$r_b" ] || LC_ALL=C mkdir -p -m 700 "$r_b" || return
  [ -d "$r_b" ] || { echo "$r_b: there is no such directory"; return 1; }
  [ -d "$r_root" ] || LC_ALL=C mkdir -m 700 "$r_root" || [ -d "$r_root" ] || return
  [ -O "$r_root" ] && [ ! -L "$r_root" ] || { echo "$r_root: it belongs to another user, or is a link"; return 1; }
  LC_ALL=C mkdir -m 700 "$r_t" "$r_t/c" && cd "$r_t/c" && LC_ALL=C mkfifo o e ctl in put up out.rest err.rest
}
receive() {
  r_n=0
  true >"$2" || return 1
  while [ $r_n -lt "$1" ]; do
    r_k=$(($1 - r_n))
    [ $r_k -le 65536 ] || r_k=65536
    dd bs=$r_k count=1 >>"$2" || return 1
    r_x=$(wc -c <"$2")
    [ $((r_x)) -gt $r_n ] || return 1
    r_n=$((r_x))
  done
}
# Everything is there before the claim is made: an incomplete request claims nothing.
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
  # Where there is a claim, it fails, or moves ours into that.
  r_x=$r_root/$r_id/${r_t##*/}
  if [ -d "$r_t" ] || [ -d "$r_x" ]; then
    rm -rf "$r_t" "$r_x"
    [ -d "$r_root/$r_id" ] && return
    refuse 'unsupported The spool directory is full.'
  fi
  launch
  r_how=started
}
# The script goes through stdin, as it came here, and so does the directory: a command that ends processes by a word of their command
# line must not find ours.
launch() {
  look $$
  r_launching=1
  printf '%s\n' 'eval read -r r_c;. /proc/self/fd/0' "$r_c" "r_launcher=$$ r_l0=$r_start" "$r_script" 3>&- |
    setsid sh -c 'read -r r_x;$r_x' rdev supervise "$r_id" >/dev/null 2>&1 3>&- &
  r_sup=$! r_launching=
}
# Waits for a child that has been killed. bash loses the status of one that it reaps just when a trap ends a wait, and would wait for it
# until all other children have ended.
bury() { [ ! -d "/proc/$1" ] || wait "$1"; }
# The connection has ended. What was started last may not have its name yet, and a child of a shell that has just begun swallows TERM.
# All are reaped here, as process 1 of the container may not do that. A supervisor stays, whatever becomes of us.
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
# Waits for the supervisor's identity, and starts one if the launcher died before it did so. Fails if the command was never started
# and never will be, or is not here any more.
ready() {
  r_i=0 r_went=
  while :; do
    [ -d "$r_c" ] && [ ! -e "$r_root/$r_id/done" ] || { r_s0= r_main=; return 1; }
    identity
    [ "$r_s0" ] || [ -e "$r_c/end" ] && return 0
    r_i=$((r_i + 1))
    if [ $((r_i % 20)) = 0 ]; then
      # In this order: whoever had the right to start before we looked, was not seen, and has left no name, is dead.
      [ -e "$r_c/go" ] && r_went=1
      if ! coming; then
        identity
        [ "$r_s0" ] && return 0
        [ "$r_went" ] && return 1
        if [ "$r_mode" = cancel ] || [ $r_i -gt 400 ]; then claim_start && return 1; else launch; fi
      fi
    fi
    # No proof of anything: whoever asks comes again.
    [ $r_i -lt 4000 ] || exit 1
    nap 0.05
  done
}
# Waits until the main process has started and been noted, which may be later than what it prints; the command may have stopped its
# supervisor before. Fails if it has ended, or never starts.
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
# Whether a supervisor of the command is there. Its program is an argument of its own; others get that through stdin.
coming() {
  r_x=$(grep -lF "$r_id" /proc/[0-9]*/cmdline)
  [ "$r_x" ] && grep -qF supervise $r_x
}
# Follows without tail --pid: $1 spool, $2 offset.
poll() {
  # Once what it runs has ended, and been reaped.
  trap 'exit 1' TERM
  exec 7<"$1"
  [ "$2" = 0 ] || dd bs=1 skip="$2" count=0 <&7
  r_nap=20 r_i=
  while :; do
    r_x=
    [ -e "$r_c/end" ] || { [ "$r_s0" ] && ! alive "$r_sup" "$r_s0"; } && r_x=1
    cat <&7 || exit 1
    [ "$r_x" ] && exit 0
    # Where the kernel does not tell the position, output does not hasten the next look.
    read -r r_x r_y </proc/self/fdinfo/7
    [ "$r_y" = "$r_i" ] || r_nap=20 r_i=$r_y
    pause
  done
}
# Returns when the supervisor has ended: it holds the other end of this FIFO. One that is about to start has not got it yet, and those of
# earlier releases never have.
outlast() {
  trap 'exit 1' TERM
  while [ ! -e "$r_c/end" ] && alive "$r_sup" "$r_s0"; do
    # For writing first: without a writer, opening would wait for one.
    [ -p "$r_c/up" ] && { exec 5<>"$r_c/up" 6<"$r_c/up" 5>&-; read -r r_x <&6; exec 6<&-; }
    [ -e "$r_c/end" ] || nap 0.2
  done
}
# Shows the spool $1 from the offset $2 on, and what comes until the process $r_t has ended.
show() {
  case $r_t in
    none) exec tail -c +$(($2 + 1)) "$1" ;;
    poll) poll "$@" ;;
    *) exec tail -c +$(($2 + 1)) -f -s 0.02 --pid="$r_t" "$1" ;;
  esac
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
    # This supervisor is the child of process 1, which may never reap it: tail would take the zombie for alive. A child of ours that
    # ends with it is reaped here.
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
  # The connection's end is seen as EOF here. FD 4, as a background command has /dev/null for stdin.
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
  # Ours may not be the one that started the command.
  [ "$r_how" != started ] || [ -e "$r_c/end" ] || ready
  # Following may have failed while the supervisor lives. Then there is no trailer, and the client comes back.
  [ "$r_s0" ] && alive "$r_sup" "$r_s0" && [ ! -e "$r_c/end" ] && hang_up
  if [ -e "$r_c/end" ]; then
    { read -r r_x; read -r r_y; } <"$r_c/end"
    trailer "end $r_x$r_nl$r_y"
  else
    # Nor if somebody else has read all, and removed it.
    [ -d "$r_c" ] || hang_up
    r_x='gone The supervisor died before the command ended.'
    [ -e "$r_c/mute" ] && r_x='gone The supervisor did not react to the request to end the command, and was killed.'
    trailer "$r_x"
  fi
  # If it is a child of ours.
  wait $r_sup
  wait $r_w
}
# Out of sight at once, so that nobody attaches to half a directory. What finds processes that were left running stays.
discard() {
  mv "$r_c" "$r_root/.out.$r_id.$$"
  rm -rf "$r_root/.out.$r_id.$$"
  [ "$r_y" != all ] || [ -e "$r_root/$r_id/kept" ] || rm -rf "${r_root:?}/$r_id"
}
# The supervisor does the killing if it lives; else we do.
cancel() {
  locate "$@" || refuse absent
  header found
  [ -e "$r_c/end" ] && { trailer ended; exit 0; }
  ready || { trailer ended; exit 0; }
  if alive "$r_sup" "$r_s0"; then
    # Again and again: a read of bash that times out just now takes half of the line with it, and the command may stop our processes.
    r_i=0 r_nap=30 r_heard=
    uptime_ms
    r_until=$((r_now + 15000))
    while [ ! -e "$r_c/end" ] && alive "$r_sup" "$r_s0"; do
      # Killing what forks, and storing what was written, may take its time.
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
  # Some may have ended since: that kill fails for one does not mean that it failed.
  begun && r_m1=$r_m0 && scan && {
    case $r_name in INT | QUIT) [ -e "$r_c/noint" ] && ignored && { trailer ignored; exit 0; } ;; esac
    kill -"$r_name" $r_tree
    trailer sent
    exit 0
  }
  trailer ended
}
# Whether all processes of the tree ignore the signal. The last digit of the mask has those up to QUIT.
ignored() {
  for r_p in $r_tree; do
    r_y=
    while read -r r_x r_y; do [ "$r_x" = SigIgn: ] && break; done <"/proc/$r_p/status"
    case $r_name${r_y#"${r_y%?}"} in INT[2367abef] | QUIT[4567cdef]) ;; *) return 1 ;; esac
  done
}
# Puts $r_len bytes at the offset $r_at of an open stdin ("-": at its end), and then its end if $r_eof is 1.
put() {
  locate "$@" || refuse absent
  header found
  look $$
  r_t=$$.$r_start r_y=0
  begun || answer ended
  read -r r_x r_x r_x r_x r_x r_stdin r_x <"$r_c/meta"
  [ "$r_stdin" = open ] || answer closed
  { receive "$r_len" "$r_c/put.$r_t" && printf '%99s\n' ' ' >"$r_c/said.$r_t"; } || answer full
  r_i=0
  # Asked again now and then: the feeder may not have been listening yet.
  until steady "$r_c/said.$r_t"; set -- $r_line; [ "${1:-}" ]; do
    [ -e "$r_c/end" ] && answer ended
    [ -e "$r_c/deaf" ] && answer closed
    alive "$r_sup" "$r_s0" || answer ended
    # No proof of anything: asking again with the same offset tells.
    uptime_ms
    [ $r_now -lt $r_until ] || exit 1
    [ $((r_i % 64)) = 0 ] && { kill -CONT "-$r_sup"; echo "put $r_t $r_len $r_at $r_eof" 1<>"$r_c/put"; }
    r_i=$((r_i + 1))
    nap 0.01
  done
  r_y=$2
  answer "$1"
}
answer() { rm -f "$r_c/put.$r_t" "$r_c/said.$r_t"; trailer "$1 $r_y"; exit 0; }
# Kills what the commands of a project left running when they ended. The project is known by its directory, a value on stdin.
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
# Of a command that has ended: what has its mark or its name.
stray() { r_main=- r_m0=0 r_m1=; }
# Removes the spools of the commands named on stdin, and of those that ended long ago, and what was left half done. Answers which run.
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
# Whether nothing is left of what the command left running.
strayed() { idle && { IFS= read -r r_mark <"${r_c%/c}/kept"; stray; ! scan; } && rm -f "${r_c%/c}/kept"; }
idle() {
  [ -e "$r_c/end" ] && return 0
  [ -e "$r_c/sup" ] || return 0
  steady "$r_c/sup"
  r_y=${r_line#* }
  ! alive "${r_line%% *}" "${r_y%% *}"
}

r_mode=$1 r_id=$2
if [ "$r_mode" = supervise ]; then supervise; fi
shift 2
unset RDEV_COMMAND_ID
IFS= read -r r_nonce
IFS= read -r r_want
r_out= r_err= r_launcher= r_launching= r_sup= r_s0= r_a= r_z= r_w= r_g= r_frugal= r_freeze=
case $r_mode in
  run | attach) r_from="$1 $2"; r_lengths="$3 $4 $5" ;;
  cancel) r_ms=$1 ;;
  signal) r_name=$1 ;;
  put) r_at=$1 r_len=$2 r_eof=$3 ;;
  sweep) r_minutes=$1 ;;
esac
set -- /run/rdev /tmp /dev/shm
[ "$r_want" ] && set -- "$r_want"
case $r_mode in
  run)
    run "$@"
    attach $r_from
    ;;
  attach)
    r_how=taken
    locate "$@" || refuse absent
    attach $r_from
    ;;
  *) $r_mode "$@" ;;
esac
exit 0

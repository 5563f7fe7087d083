# The spools: stores a command's output and delivers it to readers.

# Stores what it reads from FD 7, up to the limit; reads and counts the rest. On TERM it stops as soon as the pipe is
# empty.
pump() {
  r_f=$r_c/$1 r_n=0 r_rest=0 r_bad=0 r_stop= r_cut=
  trap r_stop=1 TERM
  trap - CHLD
  # USR1 would make dd print its progress.
  trap '' USR1
  exec 9<&-
  while [ $r_n -lt "$r_limit" ]; do
    # Rounds: dd stores each read immediately, but counts short reads as blocks. The rounds never exceed the limit in
    # total, and each has at least 64 reads if there is room.
    r_room=$((r_limit - r_n)) r_b=65536
    while [ $r_b -gt 1 ] && [ $((r_room / r_b)) -lt 64 ]; do r_b=$((r_b / 2)); done
    r_k=$((r_room / r_b))
    dd bs=$r_b count=$r_k <&7 >>"$r_f" 2<>"$r_f.dd" &
    r_d=$!
    hold
    [ "$r_cut" ] && break
    [ $r_st != 0 ] && [ $r_st -lt 128 ] && { r_bad=1; break; }
    # "12+3 records in": fewer than requested means EOF. A second such line is left over from a signal or an earlier
    # round.
    r_x= r_y=0
    while read -r r_l; do case $r_l in *' records in') r_x=${r_l%% *} r_y=$((r_y + 1)) ;; esac; done <"$r_f.dd"
    # shellcheck disable=SC2004 # "12+3" is a sum.
    [ $r_st = 0 ] && [ $r_y = 1 ] && case $r_x in *[!0-9+]* | '') ;; *+*) [ $(($r_x)) -lt $r_k ] && break ;; esac
    r_x=$(wc -c <"$r_f")
    [ $((r_x)) = $r_n ] && [ $r_st = 0 ] && break
    r_n=$((r_x))
  done
  if [ $r_bad = 1 ] || [ $r_n -ge "$r_limit" ]; then
    # cat can be killed without losing wc's count. The FIFO and the result file exist in advance, in case the disk is
    # full. Both ends are opened here: if cat were killed before opening its own, wc would wait for it forever.
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
  # A process that still has the pipe must neither get SIGPIPE nor block.
  if [ "$r_cut" ]; then cat <&7 >/dev/null 7<&- & fi
  r_cpu=0
  # A signal would interrupt a read in the middle of a line.
  trap '' TERM
  cpu_ms 9<>"$r_f.rest"
  echo "$((r_rest)) $r_bad $r_cpu " 1<>"$r_f.n"
  exit 0
}
# Waits for the pump's child. When told to stop, waits until the child sleeps (the pipe is empty), for a second at most,
# and kills it. r_cut is set only if it was killed: a child that ended by itself may have left data in the pipe.
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
  # A signal may have interrupted the wait just when the child ended.
  [ $r_st = 143 ] && { wait $r_d; r_x=$?; [ $r_x = 127 ] || r_st=$r_x; }
  # bash may then lose the status and return -1. If the child failed, the next one fails too.
  [ $r_st -ge 0 ] || r_st=255
  [ $r_st = 143 ] || r_cut=
}
pumped() {
  case $2 in Done' '* | Done) return 0 ;; Done* | [!R]*) give_up ;; esac
  over "$1" || return 1
  status "$1"
  [ $r_code = 0 ] || give_up
}
# Follows the spool $1 from the offset $2 without tail --pid.
poll() {
  # Runs when the current child has ended and been reaped.
  trap 'exit 1' TERM
  exec 7<"$1"
  [ "$2" = 0 ] || dd bs=1 skip="$2" count=0 <&7
  r_nap=20 r_i=
  while :; do
    r_x=
    [ -e "$r_c/end" ] || { [ "$r_s0" ] && ! alive "$r_sup" "$r_s0"; } && r_x=1
    cat <&7 || exit 1
    [ "$r_x" ] && exit 0
    # If the kernel does not report the position, output does not shorten the next pause.
    read -r r_x r_y </proc/self/fdinfo/7
    [ "$r_y" = "$r_i" ] || r_nap=20 r_i=$r_y
    pause
  done
}
# Returns when the supervisor has ended, as EOF on the FIFO tells. A supervisor that is just starting has not opened the
# FIFO yet, and those of earlier releases never do.
outlast() {
  trap 'exit 1' TERM
  while [ ! -e "$r_c/end" ] && alive "$r_sup" "$r_s0"; do
    # Opened read-write first: without a writer, opening for reading would block.
    [ -p "$r_c/up" ] && { exec 5<>"$r_c/up" 6<"$r_c/up" 5>&-; read -r r_x <&6; exec 6<&-; }
    [ -e "$r_c/end" ] || nap 0.2
  done
}
# Prints the spool $1 from the offset $2 on, and follows it until the process $r_t has ended.
show() {
  case $r_t in
    none) exec tail -c +$(($2 + 1)) "$1" ;;
    poll) poll "$@" ;;
    *) exec tail -c +$(($2 + 1)) -f -s 0.02 --pid="$r_t" "$1" ;;
  esac
}
# Deletes the command's data. It is renamed first, so that no client attaches to half a directory. What finds background
# processes is kept.
discard() {
  mv "$r_c" "$r_root/.out.$r_id.$$"
  rm -rf "$r_root/.out.$r_id.$$"
  [ "$r_y" != all ] || [ -e "$r_root/$r_id/kept" ] || rm -rf "${r_root:?}/$r_id"
}

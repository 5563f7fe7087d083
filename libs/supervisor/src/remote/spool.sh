# The spools: stores a command's output and delivers it to readers.

# Stores what it reads from FD 7, up to the limit; reads and counts the rest. On TERM it stops as soon as the pipe is
# empty.
pump() {
  r_spool=$r_dir/$1 r_stored=0 r_unstored=0 r_dd_failed=0 r_stop= r_cut_off=
  trap r_stop=1 TERM
  trap - CHLD
  # USR1 would make dd print its progress.
  trap '' USR1
  exec 9<&-
  while [ $r_stored -lt "$r_output_limit" ]; do
    # Rounds: dd stores each read immediately, but counts short reads as blocks. The rounds never exceed the limit in
    # total, and each has at least 64 reads if there is room.
    r_room=$((r_output_limit - r_stored)) r_block=65536
    while [ $r_block -gt 1 ] && [ $((r_room / r_block)) -lt 64 ]; do r_block=$((r_block / 2)); done
    r_blocks=$((r_room / r_block))
    dd bs=$r_block count=$r_blocks <&7 >>"$r_spool" 2<>"$r_spool.dd" &
    r_child=$!
    hold
    [ "$r_cut_off" ] && break
    [ $r_child_status != 0 ] && [ $r_child_status -lt 128 ] && { r_dd_failed=1; break; }
    # "12+3 records in": fewer than requested means EOF. A second such line is left over from a signal or an earlier
    # round.
    r_records= r_reports=0
    while read -r r_dd_line; do
      case $r_dd_line in *' records in') r_records=${r_dd_line%% *} r_reports=$((r_reports + 1)) ;; esac
    done <"$r_spool.dd"
    # shellcheck disable=SC2004 # "12+3" is a sum.
    [ $r_child_status = 0 ] && [ $r_reports = 1 ] &&
      case $r_records in *[!0-9+]* | '') ;; *+*) [ $(($r_records)) -lt $r_blocks ] && break ;; esac
    r_size=$(wc -c <"$r_spool")
    # Without any report it was not dd. The file was blank before each round.
    [ $((r_size)) = $r_stored ] && [ $r_child_status = 0 ] && { [ $r_reports -gt 0 ] || r_dd_failed=1; break; }
    r_stored=$((r_size))
    printf '%99s\n' ' ' 1<>"$r_spool.dd"
  done
  if [ $r_dd_failed = 1 ] || [ $r_stored -ge "$r_output_limit" ]; then
    # cat can be killed without losing wc's count. The FIFO and the result file exist in advance, in case the disk is
    # full. Both ends are opened here: if cat were killed before opening its own, wc would wait for it forever.
    exec 9<>"$r_spool.rest" 5<"$r_spool.rest" 6>"$r_spool.rest" 9<&-
    cat <&7 >&6 5<&- &
    r_child=$!
    echo "$r_child " 1<>"$r_spool.dd"
    wc -c <&5 1<>"$r_spool.n" 6>&- 7<&- &
    r_wc=$!
    exec 5<&- 6>&-
    hold
    while kill -0 $r_wc; do wait $r_wc; done
    read -r r_unstored r_skip <"$r_spool.n"
  fi
  # A process that still has the pipe must neither get SIGPIPE nor block.
  if [ "$r_cut_off" ]; then cat <&7 >/dev/null 7<&- & fi
  r_cpu=0
  # A signal would interrupt a read in the middle of a line.
  trap '' TERM
  cpu_ms 9<>"$r_spool.rest"
  echo "$((r_unstored)) $r_dd_failed $r_cpu " 1<>"$r_spool.n"
  exit 0
}
# Waits for the pump's child. When told to stop, waits until the child sleeps (the pipe is empty), for a second at most,
# and kills it. r_cut_off is set only if it was killed: a child that ended by itself may have left data in the pipe.
hold() {
  r_cut_off=
  while :; do
    wait $r_child
    r_child_status=$?
    over $r_child && break
    [ "$r_stop" ] || continue
    r_checks=0 r_asleep=0
    while look $r_child && [ "$r_state" != Z ] && [ $r_checks -lt 100 ] && [ $r_asleep -lt 2 ]; do
      case $r_state in S) r_asleep=$((r_asleep + 1)) ;; *) r_asleep=0 ;; esac
      [ $r_asleep -lt 2 ] && nap 0.01
      r_checks=$((r_checks + 1))
    done
    kill $r_child && r_cut_off=1
  done
  # A signal may have interrupted the wait just when the child ended.
  [ $r_child_status = 143 ] && { wait $r_child; r_again=$?; [ $r_again = 127 ] || r_child_status=$r_again; }
  # bash may then lose the status and return -1. If the child failed, the next one fails too.
  [ $r_child_status -ge 0 ] || r_child_status=255
  [ $r_child_status = 143 ] || r_cut_off=
}
pumped() {
  case $2 in Done' '* | Done) return 0 ;; Done* | [!R]*) give_up ;; esac
  over "$1" || return 1
  status "$1"
  [ $r_status = 0 ] || give_up
}
# Follows the spool $1 from the offset $2 without tail --pid.
poll() {
  # Runs when the current child has ended and been reaped.
  trap 'exit 1' TERM
  exec 7<"$1"
  [ "$2" = 0 ] || dd bs=1 skip="$2" count=0 <&7
  r_nap=20 r_old_position=
  while :; do
    r_ended=
    recorded || { [ "$r_sup_start" ] && ! alive "$r_sup" "$r_sup_start"; } && r_ended=1
    cat <&7 || exit 1
    [ "$r_ended" ] && exit 0
    # If the kernel does not report the position, output does not shorten the next pause.
    read -r r_skip r_position </proc/self/fdinfo/7
    [ "$r_position" = "$r_old_position" ] || r_nap=20 r_old_position=$r_position
    pause
  done
}
# Returns when the supervisor has ended, as EOF on the FIFO tells. A supervisor that is just starting has not opened the
# FIFO yet, and those of earlier releases never do.
outlast() {
  trap 'exit 1' TERM
  while ! recorded && alive "$r_sup" "$r_sup_start"; do
    # Opened read-write first: without a writer, opening for reading would block.
    [ -p "$r_dir/up" ] && { exec 5<>"$r_dir/up" 6<"$r_dir/up" 5>&-; read -r r_skip <&6; exec 6<&-; }
    recorded || nap 0.2
  done
}
# Prints the spool $1 from the offset $2 on, and follows it until the process $r_followed has ended.
show() {
  case $r_followed in
    none) exec tail -c +$(($2 + 1)) "$1" ;;
    poll) poll "$@" ;;
    *) exec tail -c +$(($2 + 1)) -f -s 0.02 --pid="$r_followed" "$1" ;;
  esac
}
# Deletes the command's data, and its claim if r_discard is `all`. The data is renamed first, so that no client attaches
# to half a directory. What finds background processes is kept.
discard() {
  [ "$r_opened" = started ] || wake
  mv "$r_dir" "$r_root/.out.$r_id.$$"
  rm -rf "$r_root/.out.$r_id.$$"
  [ "$r_discard" != all ] || [ -e "$r_root/$r_id/kept" ] || rm -rf "${r_root:?}/$r_id"
}

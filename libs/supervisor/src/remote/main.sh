# Runs the operation that the first argument names.

r_mode=$1 r_id=$2
if [ "$r_mode" = supervise ]; then supervise; fi
shift 2
unset RDEV_COMMAND_ID
IFS= read -r r_nonce && IFS= read -r r_spool_dir || exit 1
r_pump_out= r_pump_err= r_launcher= r_launching= r_sup= r_sup_start= r_show_out= r_show_err= r_client_watch= r_outlast=
r_no_fork= r_freeze= r_opened= r_draft= r_able=
case $r_mode in
  run | attach) r_offsets="$1 $2"; r_part_lengths="$3 $4 $5" ;;
  cancel) r_cancel_grace=$1 ;;
  signal) r_signal=$1 ;;
  put) r_offset=$1 r_length=$2 r_eof=$3 ;;
  sweep) r_minutes=$1 ;;
esac
set -- /run/rdev /tmp /dev/shm
[ "$r_spool_dir" ] && set -- "$r_spool_dir"
case $r_mode in
  run | standby)
    if [ "$r_mode" = run ]; then run "$@"; else stand_by "$@"; fi
    attach $r_offsets
    ;;
  attach)
    r_opened=taken
    locate "$@" || refuse absent
    attach $r_offsets
    ;;
  *) $r_mode "$@" ;;
esac
exit 0

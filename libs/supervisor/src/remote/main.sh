# Runs the operation that the first argument names.

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

# An open stdin: writes pieces to the command in order, each once.

# The feeder: writes the accepted pieces to the command's stdin (FD 3) in order, and closes it at the end. Requests on
# FD 8 are handled one by one, which fixes each piece's position: r_y bytes were accepted, r_n of them written, r_k
# pieces are queued.
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
# Ends the feeder. Its children end when no process has the command's stdin any more, and the feeder reaps them, as
# process 1 of the container may not.
unfeed() {
  r_i=0
  while alive $r_feed "$r_f0" && [ $r_i -lt 30 ]; do nap 0.01; r_i=$((r_i + 1)); done
  alive $r_feed "$r_f0" && kill -KILL $r_feed
  # The first wait may be interrupted by the end of another child.
  wait $r_feed
  wait $r_feed
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
# Writes $r_len bytes to an open stdin at the offset $r_at ("-": at the end), and closes it if $r_eof is 1.
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
  # Repeats the request now and then: the feeder may not have been listening yet.
  until steady "$r_c/said.$r_t"; set -- $r_line; [ "${1:-}" ]; do
    [ -e "$r_c/end" ] && answer ended
    [ -e "$r_c/deaf" ] && answer closed
    alive "$r_sup" "$r_s0" || answer ended
    # The outcome is unknown: the client retries with the same offset.
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

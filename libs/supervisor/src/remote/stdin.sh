# An open stdin: writes pieces to the command in order, each once.

# The feeder: writes the accepted pieces to the command's stdin (FD 3) in order, and closes it at the end. Requests on
# FD 8 are handled one by one, which fixes each piece's position. r_accepted and r_written count bytes, r_queued pieces.
# A request is `put <piece> <length> <offset or -> <1 if it is the last>`, `fed <bytes>` or `deaf`.
feed() {
  trap - CHLD USR1
  trap 'true >"$r_dir/deaf"' EXIT
  r_accepted=0 r_written=0 r_queued=0 r_eof= r_busy=
  while read -r r_request r_piece r_length r_offset r_final <&8; do
    case $r_request in
      put) [ -e "$r_dir/put.$r_piece" ] && accept ;;
      fed) r_written=$((r_written + r_piece)) r_queued=$((r_queued - 1)) r_busy= ;;
      deaf) wait; exit 0 ;;
    esac
    [ "$r_busy" ] && continue
    if [ $r_queued -gt 0 ]; then
      r_busy=1
      give "$r_dir/in.$r_written" &
    elif [ "$r_eof" ]; then
      exec 3>&-
    fi
  done
}
accept() {
  if [ "$r_eof" ]; then r_outcome=closed
  elif [ "$r_offset" != - ] && [ "$r_offset" != $r_accepted ]; then r_outcome=offset
  elif [ "$r_length" -gt 0 ] && [ $r_queued -gt 0 ] &&
    { [ $((r_accepted - r_written + r_length)) -gt 1048576 ] || [ $r_queued -ge 256 ]; }; then r_outcome=full
  elif [ "$r_length" -gt 0 ] && ! mv "$r_dir/put.$r_piece" "$r_dir/in.$r_accepted"; then r_outcome=full
  else
    [ "$r_length" = 0 ] || r_queued=$((r_queued + 1))
    r_accepted=$((r_accepted + r_length)) r_outcome=accepted
    [ "$r_final" = 0 ] || r_eof=1
  fi
  rm -f "$r_dir/put.$r_piece"
  echo "$r_outcome $r_accepted " 1<>"$r_dir/said.$r_piece"
}
give() {
  r_bytes=$(wc -c <"$1")
  if cat "$1" >&3; then rm "$1"; echo "fed $((r_bytes))" >&8; else echo deaf >&8; fi
}
# Ends the feeder. Its children end when no process has the command's stdin any more, and the feeder reaps them, as
# process 1 of the container may not.
unfeed() {
  r_checks=0
  while alive $r_feeder "$r_feeder_start" && [ $r_checks -lt 30 ]; do nap 0.01; r_checks=$((r_checks + 1)); done
  alive $r_feeder "$r_feeder_start" && kill -KILL $r_feeder
  # The first wait may be interrupted by the end of another child.
  wait $r_feeder
  wait $r_feeder
}
receive() {
  r_received=0
  true >"$2" || return 1
  while [ $r_received -lt "$1" ]; do
    r_chunk=$(($1 - r_received))
    [ $r_chunk -le 65536 ] || r_chunk=65536
    dd bs=$r_chunk count=1 >>"$2" 2>"$2.dd" || return 1
    # The report of a full block; otherwise its length is not known yet.
    read -r r_records <"$2.dd"
    case $r_records in '1+0 '*) r_received=$((r_received + r_chunk)); continue ;; esac
    r_size=$(wc -c <"$2")
    [ $((r_size)) -gt $r_received ] || return 1
    r_received=$((r_size))
  done
}
# Writes $r_length bytes to an open stdin at the offset $r_offset ("-": at the end), and closes it if $r_eof is 1.
put() {
  locate "$@" || refuse absent
  header found
  look $$
  r_piece=$$.$r_start r_accepted=0
  begun || answer ended
  read -r r_skip r_skip r_skip r_skip r_skip r_stdin_kind r_skip <"$r_dir/meta"
  [ "$r_stdin_kind" = open ] || answer closed
  { receive "$r_length" "$r_dir/put.$r_piece" && printf '%99s\n' ' ' >"$r_dir/said.$r_piece"; } || answer full
  r_tries=0
  # Repeats the request now and then: the feeder may not have been listening yet.
  until steady "$r_dir/said.$r_piece"; set -- $r_line; [ "${1:-}" ]; do
    recorded && answer ended
    [ -e "$r_dir/deaf" ] && answer closed
    alive "$r_sup" "$r_sup_start" || answer ended
    # The outcome is unknown: the client retries with the same offset.
    uptime_ms
    [ $r_now -lt $r_until ] || exit 1
    [ $((r_tries % 64)) = 0 ] && { kill -CONT "-$r_sup"; echo "put $r_piece $r_length $r_offset $r_eof" 1<>"$r_dir/put"; }
    r_tries=$((r_tries + 1))
    nap 0.01
  done
  r_accepted=$2
  answer "$1"
}
answer() { rm -f "$r_dir/put.$r_piece" "$r_dir/put.$r_piece.dd" "$r_dir/said.$r_piece"; trailer "$1 $r_accepted"; exit 0; }

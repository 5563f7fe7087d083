# The remote side of rdev: starts a command detached from the connection, stores its output and its exit record, and
# delivers them. POSIX sh for dash, busybox ash and bash. index.ts joins the parts without these comments: this one
# first, main.sh last. They reach the shell through stdin (see launcher.ts).
#
# Every variable starts with r_: any other name may be exported in the container's environment, and assigning to it
# would change the command's environment. A variable named after a process (r_sup, r_main, r_feeder, r_pump_out)
# contains its id; the name with _start, its start time in ticks. r_now, r_until and names in _at are points of time in
# ms, as uptime_ms() returns them. r_skip takes fields that are not needed. r_path is the PATH of the container, which
# the command gets; PATH is the one that the launcher has derived from it, for programs that are run here.
#
# <root>/<id>          the claim: moved here complete before anything starts, or not at all
# <root>/<id>/kept     created if processes may outlive the command: their mark, and the project's directory
# <root>/<id>/done     everything was read and deleted; the claim stays, so that the command is never started again
# <root>/<id>/c/       the command's data, deleted after it was read:
#   meta script stdin  the request
#   out err            the spools
#   o e in             FIFOs: the command's stdout, stderr and open stdin
#   ctl put            FIFOs: requests to the supervisor, and to the feeder of the open stdin
#   turn               FIFO on which a launcher that has stood by says the command's id to its supervisor
#   up                 FIFO that the supervisor keeps open: a reader gets EOF when the supervisor has ended
#   put.* said.*       pieces of stdin offered to the feeder, and its responses
#   in.<offset>        pieces that the feeder has accepted and not yet written to the command
#   deaf               created when the feeder accepts no more
#   go                 the right to start the command, taken once: by its supervisor, or by a client that gives it up
#   sup                "<supervisor pid> <its start time> <main pid> <its start time> <mark>"; "-": no main process
#   noint              created if commands cannot be started with SIGINT and SIGQUIT at their defaults
#   heard              created when the command is being ended: a request to end it was noticed, or is not needed
#   mute               created when a supervisor that did not react was killed
#   end                the exit record. end.tmp, sup, out.n, err.n and *.dd are filled with blanks in advance and
#                      overwritten in place, so that a full disk cannot prevent the record

r_newline='
'
# The shell's own messages must not get into the streams.
exec 3>&2 2>/dev/null

# --- time and processes ---

has() { case $1 in *" $2 "*) return 0 ;; esac; return 1; }
nap() { sleep "$1" || sleep 1; }
# Sleeps for $r_nap ms. The next pause is 5 ms longer, up to half a second, so that long waits poll less often.
pause() {
  r_nap=$((r_nap + 1000))
  nap "0.${r_nap#1}"
  r_nap=$((r_nap - 995))
  [ $r_nap -le 500 ] || r_nap=500
}
# shellcheck disable=SC2034 # The second field is not needed.
uptime_ms() { read -r r_uptime r_idle_time </proc/uptime; r_now=$((${r_uptime%.*} * 1000 + 1${r_uptime#*.}0 - 1000)); }
# Reads the fields of /proc/<pid>/stat after the program's name, which may contain blanks, newlines and parentheses.
look() {
  r_stat= r_state= r_parent= r_session= r_start=
  { while IFS= read -r r_line; do r_stat=$r_line; done; } <"/proc/$1/stat"
  set -- ${r_stat##*) }
  [ $# -gt 20 ] || return 1
  r_state=$1 r_parent=$2 r_session=$4 r_start=${20}
  # A zombie with other threads still running.
  [ "$1" != Z ] || [ "${18}" -lt 2 ] || r_state=S
}
living() { look "$1" && [ "$r_state" != Z ] && [ "$r_state" != X ]; }
alive() { living "$1" && [ "$r_start" = "$2" ]; }
# Reads the first line of a file that is overwritten in place. dash and busybox read byte by byte, so a read may overlap
# the write: it repeats until two reads agree.
steady() {
  r_line=
  while r_previous=$r_line; IFS= read -r r_line <"$1" || r_line=; [ "$r_line" != "$r_previous" ]; do :; done
}
# Whether a child has ended, reaped or not yet.
over() { kill -0 "$1" || return 0; look "$1" && [ "$r_state" = Z ]; }
# Whether there is an exit record. What the command has put in its place is none.
recorded() {
  [ -f "$r_dir/end" ] && { read -r r_record <"$r_dir/end"; } 2>/dev/null && case $r_record in '1 '*) ;; *) return 1 ;; esac
}

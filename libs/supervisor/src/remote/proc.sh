# The far side of rdev: starts a command detached from the connection, keeps its output and its ending, and shows them.
# POSIX sh for dash, busybox ash and bash. The parts are joined by index.ts, without these comments, and reach the shell through
# stdin (see launcher.ts): this one first, main.sh last.
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

# --- time and processes ---

has() { case $1 in *" $2 "*) return 0 ;; esac; return 1; }
nap() { sleep "$1" || sleep 1; }
# A nap of $r_nap ms, and the next one is 5 ms longer, up to half a second: what lasts long is looked at less often.
pause() {
  r_nap=$((r_nap + 1000))
  nap "0.${r_nap#1}"
  r_nap=$((r_nap - 995))
  [ $r_nap -le 500 ] || r_nap=500
}
# shellcheck disable=SC2034 # The second field is not wanted.
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
# Whether a child has ended, reaped or not.
over() { kill -0 "$1" || return 0; look "$1" && [ "$r_state" = Z ]; }

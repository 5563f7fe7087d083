# Finds and kills the processes of $r_id, whose main process is $r_main. None of them started before $r_oldest.

# Marks everything started from now on, with a number as the soft limit on file locks, which has had no effect since
# Linux 2.4.25. Every descendant inherits it, even with another environment, session or parent, and it can be read of
# every process. An rdev inside a command appends digits to the command's mark, so a search for the shorter mark finds
# both. An empty $r_mark means that there is no mark: the limit is not shown here, the hard limit is too low, or there
# is no room for more digits. $r_old_limit is the limit to restore.
mark() {
  r_mark=
  lock_limit self
  r_old_limit=$r_soft_limit
  [ "$r_old_limit" ] && IFS= read -r r_random </proc/sys/kernel/random/uuid || return
  r_random=0x${r_random##*-}
  case $r_old_limit in
    unlimited) r_mark=$((r_random % 70000000000 + 10000000000)) ;;
    *) r_mark=$r_old_limit$((r_random % 90000000 + 10000000)) ;;
  esac
  set_lock_limit "$r_mark"
  lock_limit self
  [ "$r_soft_limit" = "$r_mark" ] || r_mark=
}
# The option is -x in bash and newer busybox, -w in dash and older busybox.
set_lock_limit() { ulimit -S -x "$1" || ulimit -S -w "$1"; }
lock_limit() {
  r_soft_limit=
  while read -r r_word1 r_word2 r_word3 r_soft_limit r_skip; do
    [ "$r_word1 $r_word2 $r_word3" = 'Max file locks' ] && return
  done <"/proc/$1/limits"
}
# Sets r_tree to " pid pid ", the command's live processes. With r_freeze, marked processes are stopped as soon as they
# are seen.
scan() {
  r_tree=' ' r_missed=
  if [ "$r_mark" ]; then
    newest
    r_checked=$r_newest
    r_blind=$r_no_fork
    [ "$r_blind" ] || marked || r_blind=1
    if [ "$r_blind" ]; then for r_proc in /proc/[0-9]*; do bears "${r_proc#/proc/}"; done; fi
    [ "$r_freeze" ] && chase
    # A main process without the mark has changed the limit itself.
    has "$r_tree" "$r_main" || ! alive "$r_main" "$r_main_start" || r_mark_shed=1
    if [ "$r_tree" = ' ' ]; then
      if [ "$r_blind" ] || strays; then walk; fi
    else
      # A fork bomb is outrun by the mark alone; unmarked processes follow when all marked ones are stopped.
      [ "$r_freeze" ] && [ ! "$r_walk_too" ] || walk
    fi
  else
    walk
  fi
  [ "$r_tree$r_missed" != ' ' ]
}
# Whether any process seems to be in the main process's session, or to have the command's id in its environment. Login
# programs, such as su with PAM, reset all limits: their children have no mark.
strays() {
  r_files=$(LC_ALL=C grep -lE "\\) [^ ZX] -?[0-9]+ -?[0-9]+ $r_main |RDEV_COMMAND_ID=$r_id" /proc/[0-9]*/stat /proc/[0-9]*/environ)
  [ "$r_files" ]
}
# Finds all marked processes with two forks, however many there are. Fails if it cannot fork, or if grep does not find
# what is certainly there.
marked() {
  r_files=$(LC_ALL=C grep -lE "^(Max file locks +${r_mark}[0-9]*|$$) " /proc/[0-9]*/limits /proc/$$/stat)
  case $r_files in *"/proc/$$/stat") r_files=${r_files%"/proc/$$/stat"} ;; *) return 1 ;; esac
  r_stats=
  set --
  for r_proc in $r_files; do r_proc=${r_proc%/limits} r_stats="$r_stats $r_proc/stat"; set -- "$@" "${r_proc#/proc/}"; done
  [ $# = 0 ] && return
  [ "$r_freeze" ] && kill -STOP "$@"
  # Excludes zombies, unless they have other threads. A program's name is too short to imitate so many numbers.
  r_files=$(LC_ALL=C grep -lE '\) ([^ZX]( -?[0-9]+){17}|Z( -?[0-9]+){16} ([2-9]|[1-9][0-9]+)) ' $r_stats)
  [ $? -le 2 ] || return 1
  for r_proc in $r_files; do r_proc=${r_proc#/proc/} r_tree="$r_tree${r_proc%/stat} "; done
}
bears() {
  living "$1" || return
  lock_limit "$1"
  case $r_soft_limit in "$r_mark"*) ;; *) return ;; esac
  [ "$r_freeze" ] && kill -STOP "$1"
  r_tree="$r_tree$1 "
}
# A process that forks and ends during a scan is missed, and so is its child. So after an empty scan, the processes
# created since are checked until there are none: only then nothing is left for certain. A process that is faster sets
# r_missed.
chase() {
  r_chases=0
  while [ "$r_tree" = ' ' ] || return; newest; [ "$r_newest" != "$r_checked" ]; do
    # Process ids have wrapped around.
    [ "$r_newest" -gt "$r_checked" ] || { scan; return; }
    r_new_pid=$r_newest r_chases=$((r_chases + 1))
    [ $r_chases -lt 100 ] || { r_missed=1; return; }
    # Newest first; most have ended.
    while [ $r_new_pid -gt $r_checked ]; do [ -e /proc/$r_new_pid ] && bears $r_new_pid; r_new_pid=$((r_new_pid - 1)); done
    r_checked=$r_newest
  done
}
# Sets r_newest to the last process id assigned in our PID namespace.
newest() { r_newest=; read -r r_skip r_skip r_skip r_skip r_newest </proc/loadavg; }
# Finds unmarked processes without forking: by the main process's session, by parent and by environment.
walk() {
  r_rows= r_main_session=$r_main
  # shellcheck disable=SC2154 # The launcher sets it, in the supervisor's first input.
  [ "$r_launcher" ] && { alive "$r_launcher" "$r_launcher_start" || r_launcher=; }
  for r_proc in /proc/[0-9]*; do
    r_pid=${r_proc#/proc/}
    # No process of the command can be older than its main process.
    living "$r_pid" && [ "$r_start" -ge "$r_oldest" ] && row
  done
  grow
  for r_row in $r_rows; do named "${r_row%%:*}"; done
  grow
}
row() {
  # The main process's id may have been reused; its session is another one then.
  [ "$r_pid" = "$r_main" ] && [ "$r_main_start" ] && [ "$r_start" != "$r_main_start" ] && { r_main_session=-; return; }
  # Excludes the supervisor, its children, and the attachment that started it. Our others are told by their environment.
  [ "$r_pid" = $$ ] && return
  case " $$ $r_launcher " in *" $r_parent "*) [ "$r_pid" = "$r_main" ] || return ;; esac
  r_rows="$r_rows $r_pid:$r_parent:$r_session"
}
# Adds the main process's session and all children, until there are no new ones.
grow() {
  while :; do
    r_tree_before=$r_tree
    for r_row in $r_rows; do
      r_pid=${r_row%%:*} r_links=${r_row#*:}
      has "$r_tree" "$r_pid" && continue
      if [ "$r_pid" = "$r_main" ] || [ "${r_links#*:}" = "$r_main_session" ] || has "$r_tree" "${r_links%%:*}"; then
        r_tree="$r_tree$r_pid "
      fi
    done
    [ "$r_tree_before" = "$r_tree" ] && return
  done
}
# Adds a process with the command's id in its environment. The shell drops NULs, so grep checks that the match is a
# whole variable.
named() {
  has "$r_tree" "$1" && return
  r_environ=
  { while IFS= read -r r_line; do r_environ=$r_environ$r_line$r_newline; done; r_environ=$r_environ$r_line; } <"/proc/$1/environ"
  case $r_environ in *"RDEV_COMMAND_ID=$r_id"*) ;; *) return ;; esac
  [ "$r_no_fork" ] || LC_ALL=C grep -zqxF "RDEV_COMMAND_ID=$r_id" "/proc/$1/environ"
  # 2: grep lacks -z, or the process has ended.
  [ $? = 1 ] || r_tree="$r_tree$1 "
}
# Stops processes until no new ones appear, which a fork bomb cannot outrun, then kills until none is left.
# Sets r_killed (number killed), r_left (survivors) and r_walked (1 if not by the mark alone).
hardkill() {
  r_seen=' ' r_killed=0 r_left=0 r_round=0 r_walked=0 r_freeze=1 r_walk_too=
  while [ $r_round -lt 30 ]; do
    r_round=$((r_round + 1)) r_found=
    scan || break
    for r_pid in $r_tree; do
      has "$r_seen" "$r_pid" || r_seen="$r_seen$r_pid " r_found="$r_found $r_pid" r_killed=$((r_killed + 1))
    done
    if [ "$r_found" ]; then kill -STOP $r_found; elif [ "$r_walk_too" ]; then break; else r_walk_too=1; fi
  done
  r_round=0 r_walk_too=
  while [ "$r_tree$r_missed" != ' ' ] && [ $r_round -lt 100 ]; do
    kill -KILL $r_tree
    r_round=$((r_round + 1))
    [ $r_round -gt 2 ] && [ "$r_no_fork" = '' ] && nap 0.03
    scan
  done
  for r_pid in $r_tree $r_missed; do r_left=$((r_left + 1)); done
  [ "$r_mark" ] && [ ! "$r_mark_shed" ] || r_walked=1
}

export interface Evasion {
  readonly what: string;
  /** Shell code that leaves a process whose arguments contain the mark. */
  readonly child: (mark: string) => string;
  /** It takes all processors there are. */
  readonly isHeavy?: boolean;
}

/** Children that do not want to end with their command. Some busybox have no nohup. */
export const EVASIONS: readonly Evasion[] = [
  { what: 'ignores SIGTERM', child: (mark) => `sh -c 'trap "" TERM; while :; do sleep ${mark}; done' &` },
  { what: 'calls setsid', child: (mark) => `setsid sleep ${mark} &` },
  { what: 'forks twice', child: (mark) => `( (sleep ${mark} &) &)` },
  { what: 'uses nohup', child: (mark) => `$(command -v nohup) sleep ${mark} >/dev/null 2>&1 &` },
  { what: 'forks 200 times', child: (mark) => `i=0; while [ $i -lt 200 ]; do sleep ${mark} & i=$((i + 1)); done` },
  { what: 'clears its environment', child: (mark) => `env -i sleep ${mark} &` },
  { what: 'clears it and calls setsid, its parent alive', child: (mark) => `env -i setsid sleep ${mark} &` },
  {
    // Login programs set all limits, by PAM.
    what: 'sets its limits, as under su',
    child: (mark) => `sh -c 'ulimit -S -x unlimited || ulimit -S -w unlimited; sleep ${mark}; :' 2>/dev/null &`,
  },
  {
    what: 'sets its limits and calls setsid, its parents gone',
    child: (mark) =>
      `(setsid sh -c 'ulimit -S -x unlimited || ulimit -S -w unlimited; sleep ${mark}; :' 2>/dev/null &)`,
  },
  { what: 'is stopped', child: (mark) => `sh -c 'kill -STOP $$; sleep ${mark}' &` },
  {
    what: 'does all but clear it',
    child: (mark) => `(trap '' TERM HUP; setsid $(command -v nohup) sleep ${mark} >/dev/null 2>&1 &)`,
  },
  { what: 'clears it and calls setsid, its parent gone', child: (mark) => `(env -i setsid sleep ${mark} &)` },
  { what: 'clears it and forks twice, its parents gone', child: (mark) => `( (env -i setsid sleep ${mark} &) &)` },
  {
    what: 'does that and is stopped',
    child: (mark) => `( (env -i setsid sh -c 'kill -STOP $$; sleep ${mark}; :' &) &)`,
  },
  {
    // What it calls itself would end the name in /proc/<pid>/stat, and say that it is a zombie.
    what: 'does that and gives itself another name',
    child: (mark) => `( (env -i setsid sh -c 'printf "x) Z 1\\n(" >/proc/self/comm; sleep ${mark}; :' &) &)`,
  },
  {
    // prctl(PR_SET_DUMPABLE, 0): for other users, and without CAP_SYS_PTRACE for root, its environment is unreadable.
    what: 'cannot be inspected, its parent gone',
    child: (mark) =>
      `(setsid /usr/bin/perl -e 'syscall(qx(uname -m) =~ /^x86/ ? 157 : 167, 4, 0, 0, 0, 0); sleep shift' ${mark} &)`,
  },
  {
    what: 'does that and has ended its first thread',
    child: (mark) => `(env -i setsid ${perlWithoutFirstThread(mark)} &)`,
  },
  {
    // A fork bomb, 4 wide, that ends after 1,000 steps: each step is a process in a session of its own whose parent is
    // gone. That moves too fast to be seen begin, so there is one that does not.
    what: 'clears it and calls setsid at each step of a fork bomb',
    isHeavy: true,
    child: (mark) =>
      `step='[ $1 -gt 0 ] || exec sleep ${mark}; [ $1 -lt 999 ] || env -i setsid sh -c "$0" "$0" $(($1 - 1)) &\n` +
      `env -i setsid sh -c "$0" "$0" $(($1 - 1)) &'\nsh -c "$step" "$step" 1000 & sleep ${mark} &`,
  },
];

/** Its other thread sleeps. The kernel calls such a process a zombie, and shows no arguments. */
export function perlWithoutFirstThread(mark: string): string {
  const end = 'syscall(qx(uname -m) =~ /^x86/ ? 60 : 93, 0)';
  const sleeper = 'threads->create(sub { sleep $ARGV[0] })';
  return `/usr/bin/perl -Mthreads -e '$SIG{TERM} = "IGNORE"; ${sleeper}; ${end}' ${mark}`;
}

/** Shell code that lists the threads of processes with the mark in their arguments. Does not find itself. */
export function grepFor(mark: string): string {
  return `grep -ls '${mark.replace('.', '[.]')}' /proc/[0-9]*/task/[0-9]*/cmdline`;
}

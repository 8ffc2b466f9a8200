# Sourced by tests that interrupt a job: hold it where it is, whatever the machine's load, and end it without a trace. Wants $work, CLV_SLOW_LIBRARY and a function `fail`.
# shellcheck shell=bash

# hold [FILE]: each fsync of a job that is then started `slowly` takes so many milliseconds longer, until a signal comes or it is released; with FILE, as soon as that is
# there and not empty. Who awaits the same FILE and starts the job `slowly $STANDS` finds it there, however long the waiting takes: it does not come past its next fsync.
readonly STANDS=600000
export CLV_TEST_SLOW=$work/slow
hold() { export CLV_TEST_SLOW_FROM=${1:-}; : >"$CLV_TEST_SLOW"; }
release() { rm -f "$CLV_TEST_SLOW"; }
# slowly MS COMMAND... &: takes the shell's place, so that $! is the command
slowly() {
  export CLV_TEST_SLOW_MS=$1; shift
  exec env LD_PRELOAD="$CLV_SLOW_LIBRARY" ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" "$@"
}

# await WHAT COMMAND...: poll, for as long as no machine should need
await() {
  local what=$1 end=$((SECONDS + 300)); shift
  while ! "$@"; do
    [ $SECONDS -lt $end ] || { jobs -p | xargs -r kill -KILL; fail "waited too long for $what"; }
    sleep 0.02
  done
}

# The processes of the program (not its launcher) that have TEXT on their command line; those that ended do not count.
ranks_with() {
  local pid
  for pid in $(pgrep -f -- "$1"); do [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = clv ] && echo "$pid"; done
  return 0
}
# kill_all LAUNCHER TEXT: SIGKILL to the launcher, which leads its process group, and to its ranks; returns when they are gone. A launcher that has not become the leader
# yet, and what it has forked that is no clv yet, go the same way.
none_at_all() { ! pgrep -f -- "$1" >/dev/null; }
kill_all() {
  kill -KILL -- "-$1" 2>/dev/null
  ! jobs -p | grep -qx "$1" || kill -KILL "$1" 2>/dev/null
  wait "$1" 2>/dev/null
  pgrep -f -- "$2" | xargs -r kill -KILL 2>/dev/null
  await "the ranks to be gone" none_at_all "$2"
}

# The newer of a fit's two checkpoints, by the number of its generation (io/checkpoint.c): files that are made at once have one time.
newest_state() { # FOLDER
  local file number newest="" best=-1
  for file in "$1"/state.[01]; do
    number=$(od -An -tu8 -j 80 -N 8 "$file" | tr -d ' ')
    [ "$number" -le "$best" ] || { best=$number; newest=$file; }
  done
  echo "$newest"
}

#!/bin/bash
# kills.sh [KILLS [SEED [VENV]]]: SIGKILL of one rank or of all at random moments of fit and predict, at 1 to 4 ranks, gone on with on other numbers of ranks. Draws and
# predictions.csv have the bits of the undisturbed run. After each kill of fit the trace opens in ArviZ (the virtual environment VENV, made where it is not there; without PyPI
# this is left out, with a message) and holds draws of the undisturbed run only; and what the next call goes on with is at most a leg behind it, for a checkpoint follows each leg here.
# By ctest a handful; by hand: CLV=… CLV_SLOW_LIBRARY=… CLV_TESTS=$PWD/tests tests/faults/kills/kills.sh 100. From 20 kills on it says how many there were, and how long
# before each the last checkpoint was, which is then checked, too.
set -u
wanted=${1:-3} RANDOM=${2:-1} venv=${3:-}
readonly LEG=50           # draws a chain, at most (jobs/fit_run.h)
readonly LATEST=2000      # ms: checkpoints amid a leg are a second apart at least (docs/fit.md); one more for a round and for writing
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mpi="$CLV_TESTS/mpirun.sh"
fail() { echo "$1"; [ -f "$work/log" ] && tail -n 20 "$work/log"; exit 1; }
. "$CLV_TESTS/interrupt/interrupt.sh"
customers=60000; [ "$wanted" -lt 20 ] || customers=150000
"$CLV" simulate --customers $customers --seed 3 --output "$work/data" --quiet >/dev/null || fail "simulate"
settings="--set sampler.num_warmup=200 --set sampler.num_samples=300 --set sampler.checkpoint_every=0.01s --set diagnostics.min_ess=1 --set predict.keep_customers=5 --set predict.draws=100"
job() { # directory ranks job options...
  local dir=$1 ranks=$2 what=$3; shift 3
  "$mpi" "$ranks" "$CLV" "$what" "$work/data/clv.yaml" --set output.directory="$dir" $settings "$@" >"$work/log" 2>&1
}
draws_of() { job "$1" 1 diagnose --quiet || fail "diagnose $1"; sed -n 's/^draws sha256 //p' "$work/log"; }
tables_of() { (cd "$1/example" && sha256sum predictions.csv new_customer.json); }
now() { date +%s%3N; }
whole=$work/whole broken=$work/broken
job "$whole" 1 prepare --quiet || fail "prepare"
declare -A takes # ms that the undisturbed job takes: a kill may come at any of them
for what in fit predict; do
  begun=$(now); job "$whole" 2 $what --quiet || fail "$what"
  takes[$what]=$(($(now) - begun))
done
draws=$(draws_of "$whole") tables=$(tables_of "$whole")
[ -n "$draws" ] || fail "no digest"

# ---- ArviZ, in a process of its own ----
opened=none # draws a chain that it found in the trace after the last kill; none: not known
if [ -n "$venv" ] && said=$("$CLV_TESTS/python/venv.sh" "$venv"); then
  export MPLCONFIGDIR=$work
  # Its answers alone: where making a list of fonts takes long, a library says so on stderr.
  coproc ARVIZ { exec "$venv/bin/python" -W ignore "$here/open_traces.py" "$whole/example/trace.nc" 2>"$work/arviz"; }
  said=""; read -r said <&"${ARVIZ[0]}"; [ "$said" = ready ] || fail "ArviZ: $said $(cat "$work/arviz")"
else
  echo "traces are not opened in ArviZ after each kill: ${said:-no virtual environment was named}"
fi
trace_check() {
  opened=none
  [ -n "${ARVIZ_PID:-}" ] && [ -f "$broken/example/trace.nc" ] || return 0
  echo "$broken/example/trace.nc" >&"${ARVIZ[1]}"
  read -r opened <&"${ARVIZ[0]}" || fail "ArviZ ended: $(cat "$work/arviz")"
  case $opened in *[!0-9]* | "") fail "kill $killed: the trace does not open: $opened" ;; esac
  traces=$((traces + 1))
}
# What this call went on with, beside what the trace held when it began
loss_check() {
  local with
  with=$(sed -n 's/^fit: going on after .* warm-up and \([0-9]*\) of .*/\1/p' "$work/log")
  [ -n "$with" ] && [ "$opened" != none ] || return 0
  [ "$with" -le "$opened" ] && [ $((opened - with)) -le $LEG ] || fail "kill $killed: the trace held $opened draws, the checkpoint $with"
}

# ---- kills ----
begin() { rm -rf "$broken"; mkdir -p "$broken"; cp -r "$whole/example" "$broken/"; }
killed=0 runs=0 traces=0 ones=0
since=() # ms from the last checkpoint of a killed call to its kill
since_note() { # BEGUN KILLED
  local saved
  saved=$(find "$broken/example/checkpoint" -type f ! -name '*.part' -printf '%T@\n' 2>/dev/null | sort -n | tail -n 1 | awk '{ printf "%.0f", 1000 * $1 }')
  [ -z "$saved" ] || [ "$saved" -le "$1" ] || since+=($(($2 - saved)))
}
# attempt JOB: runs it; kills it at a random moment; 0 where it was done first
attempt() {
  local ranks=$((RANDOM % 4 + 1)) how=$((RANDOM % 2)) after pid rc begun at one
  after=$((RANDOM * takes[$1] / 32768 + 200))
  begun=$(now)
  setsid "$mpi" $ranks "$CLV" "$1" "$work/data/clv.yaml" --set output.directory="$broken" $settings >"$work/log" 2>&1 &
  pid=$!
  sleep "$(awk -v ms=$after 'BEGIN { print ms / 1000 }')"
  one=$(ranks_with "output.directory=$broken" | shuf -n 1 --random-source=<(yes $RANDOM))
  at=$(now)
  if [ $how = 0 ] && [ -n "$one" ]; then
    kill -KILL "$one" 2>/dev/null && ones=$((ones + 1))
  else
    kill -KILL -- "-$pid" 2>/dev/null
  fi
  wait $pid 2>/dev/null; rc=$?
  kill_all $pid "output.directory=$broken"
  [ "$1" != fit ] || loss_check
  [ $rc -ne 0 ] || return 0
  killed=$((killed + 1))
  since_note "$begun" "$at"
  return 1
}
until_done() { # job: killed until it is done, at most six times, then once in peace
  local try
  opened=none
  for try in 1 2 3 4 5 6; do
    [ $killed -lt "$wanted" ] || break
    attempt "$1" && return 0
    [ "$1" != fit ] || trace_check
  done
  job "$broken" $((RANDOM % 4 + 1)) "$1" || fail "$1 after kills"
  [ "$1" != fit ] || loss_check
}
while [ $killed -lt "$wanted" ]; do
  begin
  rm -rf "$broken/example/trace.nc" "$broken/example/checkpoint" "$broken"/example/predictions.*
  until_done fit
  [ "$(draws_of "$broken")" = "$draws" ] || fail "other draws after $killed kills"
  rm -f "$broken"/example/predictions.*
  until_done predict
  [ "$(tables_of "$broken")" = "$tables" ] || fail "other predictions after $killed kills"
  runs=$((runs + 1))
done

# SIGTERM and SIGUSR1 during predict: 75 and the same bytes on another number of ranks; the status file turns 75 into 0
for signal in TERM USR1; do
  begin; rm -f "$broken"/example/predictions.* "$work/code"
  hold "$broken/example/checkpoint/predict/state.0"
  CLV_STATUS_FILE=$work/code slowly $STANDS "$CLV" predict "$work/data/clv.yaml" --set output.directory="$broken" $settings >"$work/log" 2>&1 &
  pid=$!
  await "the first customers" test -s "$broken/example/checkpoint/predict/state.0"
  # stopped, so that both signals find it where it is
  kill -STOP $pid; kill -USR2 $pid; kill -$signal $pid; release; kill -CONT $pid
  wait $pid; rc=$?
  [ $rc -eq 0 ] && [ "$(cat "$work/code")" = 75 ] || fail "status file after $signal: exit $rc, code $(cat "$work/code")"
  [ ! -f "$broken/example/predictions.csv" ] || fail "half a table appeared"
  job "$broken" 3 predict --quiet || fail "predict after $signal"
  [ "$(tables_of "$broken")" = "$tables" ] || fail "other predictions after $signal"
done
[ "$wanted" -lt 20 ] || {
  sorted=$(printf '%s\n' "${since[@]}" | sort -n)
  latest=$(echo "$sorted" | tail -n 1)
  echo "$killed kills ($ones of one rank, the others of all) in $runs runs of fit and predict: same draws, same predictions; $traces traces opened in ArviZ"
  echo "from the last checkpoint to the kill, ${#since[@]} kills of calls that had made one: median $(echo "$sorted" | sed -n "$(((${#since[@]} + 1) / 2))p") ms, at most $latest ms"
  [ "$latest" -le $LATEST ] || fail "a checkpoint was $latest ms old"
}
exit 0

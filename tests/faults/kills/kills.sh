#!/bin/bash
# Random SIGKILLs of one rank or all, over fit and predict, resumed on other numbers of ranks: draws and predictions.csv have the bits of the
# undisturbed run, and the trace opens after each kill. By ctest a handful; by hand: CLV=build/release/jobs/clv CLV_TESTS=tests tests/faults/kills/kills.sh 100 [SEED]
set -u
wanted=${1:-3} RANDOM=${2:-1}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mpi="$CLV_TESTS/mpirun.sh"
fail() { echo "$1"; [ -f "$work/log" ] && tail -n 20 "$work/log"; exit 1; }
"$CLV" simulate --customers 150000 --seed 3 --output "$work/data" --quiet >/dev/null || fail "simulate"
settings="--set sampler.num_warmup=200 --set sampler.num_samples=300 --set sampler.checkpoint_every=0.05s --set diagnostics.min_ess=1 --set predict.keep_customers=5 --set predict.draws=100"
job() { # directory ranks job options...
  local dir=$1 ranks=$2 what=$3; shift 3
  "$mpi" "$ranks" "$CLV" "$what" "$work/data/clv.yaml" --set output.directory="$dir" $settings "$@" >"$work/log" 2>&1
}
draws_of() { job "$1" 1 diagnose --quiet || fail "diagnose $1"; sed -n 's/^draws sha256 //p' "$work/log"; }
tables_of() { (cd "$1/example" && sha256sum predictions.csv new_customer.json); }
whole=$work/whole broken=$work/broken
job "$whole" 1 prepare --quiet || fail "prepare"
job "$whole" 2 fit --quiet || fail "fit"
job "$whole" 2 predict --quiet || fail "predict"
draws=$(draws_of "$whole") tables=$(tables_of "$whole")
[ -n "$draws" ] || fail "no digest"

# Ranks: children of the launcher whose program is clv.
ranks_of() { ps -o pid=,comm= --ppid "$1" | awk '$2 == "clv" { print $1 }'; }
begin() { rm -rf "$broken"; mkdir -p "$broken"; cp -r "$whole/example" "$broken/"; }
killed=0 whens=0
# attempt JOB: runs it; kills it at a random moment; 0 where it was done first
attempt() {
  local ranks=$((RANDOM % 4 + 1)) launcher pid all rc
  setsid "$mpi" $ranks "$CLV" "$1" "$work/data/clv.yaml" --set output.directory="$broken" $settings --quiet >"$work/log" 2>&1 &
  pid=$!
  sleep "$(awk -v r=$RANDOM 'BEGIN { print 0.3 + 1.7 * r / 32768 }')"
  launcher=$pid
  all=$(ranks_of $launcher)
  if [ -n "$all" ] && [ $((RANDOM % 2)) = 0 ]; then
    kill -KILL "$(echo "$all" | shuf -n 1 --random-source=<(yes $RANDOM))" 2>/dev/null && killed=$((killed + 1))
  else
    kill -KILL -- "-$pid" 2>/dev/null && killed=$((killed + 1))
    for p in $all; do kill -KILL "$p" 2>/dev/null; done
  fi
  wait "$pid" 2>/dev/null; rc=$?
  for p in $all; do kill -KILL "$p" 2>/dev/null; done
  return $rc
}
until_done() { # job: killed until it is done, at most six times, then once in peace
  local try
  for try in 1 2 3 4 5 6; do
    [ $killed -lt "$wanted" ] || break
    attempt "$1" && return 0
    [ "$1" != fit ] || [ ! -f "$broken/example/trace.nc" ] || job "$broken" 1 predict --quiet --set predict.draws=2 ||
      grep -qE "no draws|draw|converge" "$work/log" || fail "the trace does not open after a kill"
  done
  job "$broken" $((RANDOM % 4 + 1)) "$1" --quiet || fail "$1 after kills"
}
while [ $killed -lt "$wanted" ]; do
  begin
  rm -rf "$broken/example/trace.nc" "$broken/example/checkpoint" "$broken"/example/predictions.*
  until_done fit
  [ "$(draws_of "$broken")" = "$draws" ] || fail "other draws after $killed kills"
  rm -f "$broken"/example/predictions.*
  until_done predict
  [ "$(tables_of "$broken")" = "$tables" ] || fail "other predictions after $killed kills"
  whens=$((whens + 1))
done

# SIGTERM and SIGUSR1 during predict: 75 and the same bytes on another number of ranks; the status file turns 75 into 0
for signal in TERM USR1; do
  begin; rm -f "$broken"/example/predictions.*
  CLV_STATUS_FILE=$work/code "$CLV" predict "$work/data/clv.yaml" --set output.directory="$broken" $settings --set predict.draws=100 >"$work/log" 2>&1 &
  pid=$!
  for _ in $(seq 400); do [ -f "$broken/example/predictions.csv.part" ] && break; sleep 0.01; done
  kill -USR2 $pid; kill -$signal $pid; wait $pid; rc=$?
  [ $rc -eq 0 ] && [ "$(cat "$work/code")" = 75 ] || fail "status file after $signal: exit $rc, code $(cat "$work/code")"
  [ ! -f "$broken/example/predictions.csv" ] || fail "half a table appeared"
  job "$broken" 3 predict --quiet || fail "predict after $signal"
  [ "$(tables_of "$broken")" = "$tables" ] || fail "other predictions after $signal"
done
[ "$wanted" -lt 20 ] || echo "$killed kills in $whens runs of fit and predict: same draws, same predictions"
exit 0

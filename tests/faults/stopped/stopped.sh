#!/bin/bash
# stopped.sh [SECONDS]: a rank that is stopped for a while (SIGSTOP, as a swapping machine or a suspended one does) in fit and in predict: nobody leaves, the others wait for it and
# go on with it to the same bits. By ctest two seconds; by hand a minute: CLV=… CLV_TESTS=$PWD/tests CLV_SLOW_LIBRARY=… tests/faults/stopped/stopped.sh 60.
set -u
seconds=${1:-2}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
fail() { echo "$1"; tail -n 20 "$work/log"; exit 1; }
. "$CLV_TESTS/interrupt/interrupt.sh"
mpi="$CLV_TESTS/mpirun.sh"
"$CLV" simulate --customers 20000 --seed 3 --output "$work/data" --quiet >"$work/log" || fail "simulate"
settings="--set sampler.num_warmup=100 --set sampler.num_samples=150 --set sampler.checkpoint_every=0.1s --set diagnostics.min_ess=1 --set predict.draws=40"
job() { # directory ranks job options...
  local dir=$1 ranks=$2 what=$3; shift 3
  "$mpi" "$ranks" "$CLV" "$what" "$work/data/clv.yaml" --set output.directory="$dir" $settings "$@" >"$work/log" 2>&1
}
results() { # the hash of all draws, and of the table
  job "$1" 1 diagnose --quiet || fail "diagnose $1"
  sed -n 's/^draws sha256 //p' "$work/log"
  sha256sum <"$1/example/predictions.csv"
}
for what in prepare fit predict; do job "$work/whole" 2 $what --quiet || fail "$what"; done
whole=$(results "$work/whole")
begins() { [ -s "$work/run/example/$1" ]; }
state_of() { sed 's/.*) \(.\).*/\1/' "/proc/$1/stat" 2>/dev/null; }
mkdir -p "$work/run"; cp -r "$work/whole/example" "$work/run/"
rm -rf "$work/run/example/trace.nc" "$work/run/example/checkpoint" "$work/run"/example/predictions.*
# fit as it begins; as it draws, when it goes on and writes the older of its checkpoints again; predict
for what in "fit 3 checkpoint/state.0 first" "fit 3 older last" "predict 3 predictions.csv.part last"; do
  read -r name ranks file which <<<"$what"
  [ "$name" = predict ] || rm -rf "$work/run/example/trace.nc" "$work/run/example/checkpoint"
  if [ "$file" = older ]; then
    job "$work/run" 2 fit --quiet --set sampler.num_samples=60 || fail "fit of 60"
    file=checkpoint/state.0
    [ "$(newest_state "$work/run/example/checkpoint")" != "$work/run/example/$file" ] || file=checkpoint/state.1
    rm "$work/run/example/$file"
  fi
  hold "$work/run/example/$file"
  slowly $STANDS "$mpi" $ranks "$CLV" "$name" "$work/data/clv.yaml" --set output.directory="$work/run" $settings >"$work/log" 2>&1 &
  pid=$!
  await "$name to begin" begins "$file"
  one=$(ranks_with "output.directory=$work/run" | sort -n | { [ $which = first ] && head -n 1 || tail -n 1; })
  kill -STOP "$one" || fail "$what: no rank to stop"
  release
  sleep "$seconds"
  [ "$(state_of "$one")" = T ] || fail "$what: the rank is not stopped but $(state_of "$one")"
  [ "$(ranks_with "output.directory=$work/run" | wc -l)" -eq "$ranks" ] || fail "$what: somebody left"
  kill -CONT "$one"
  wait $pid; rc=$?
  [ $rc -eq 0 ] || fail "$what: exit code $rc"
  [ "$seconds" -lt 10 ] || echo "a rank of $name on $ranks ranks, stopped for $seconds s: $(grep -c '^clv: ' "$work/log") messages, exit code $rc"
  if [ "$name" = predict ]; then
    [ "$(results "$work/run")" = "$whole" ] || fail "$what: other bits"
  else
    job "$work/run" 1 diagnose --quiet || fail "diagnose"
    [ "$(sed -n 's/^draws sha256 //p' "$work/log")" = "$(echo "$whole" | head -n 1)" ] || fail "$what: other draws"
  fi
done
exit 0

#!/bin/bash
# Killed, stopped and damaged fits end with the draws of the undisturbed one, on another number of ranks too.
set -u
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mpi="$CLV_TESTS/mpirun.sh"
fail() { echo "$1"; [ -f "$work/log" ] && tail -n 20 "$work/log"; exit 1; }
"$CLV" simulate --customers 30000 --seed 3 --output "$work/data" --quiet >/dev/null || fail "simulate"
settings="--set sampler.num_warmup=300 --set sampler.num_samples=600 --set sampler.checkpoint_every=0.1s --set diagnostics.min_ess=1"
job() { # directory ranks job options...
  local dir=$1 ranks=$2 what=$3; shift 3
  "$mpi" "$ranks" "$CLV" "$what" "$work/data/clv.yaml" --set output.directory="$dir" $settings "$@" >"$work/log" 2>&1
}
draws_of() { job "$1" 1 diagnose || fail "diagnose $1"; sed -n 's/^draws sha256 //p' "$work/log"; }
job "$work/whole" 1 prepare --quiet || fail "prepare"
job "$work/whole" 2 fit --quiet || fail "fit"
whole=$(draws_of "$work/whole")
[ -n "$whole" ] || fail "no digest"

. "$CLV_TESTS/interrupt/interrupt.sh"
here=output.directory=$work/broken state=$work/broken/example/checkpoint
begin() { rm -rf "$work/broken"; mkdir -p "$work/broken"; cp -r "$work/whole/example" "$work/broken/"; rm -rf "$work/broken/example/trace.nc" "$state"; }

# SIGKILL at some moments, then other numbers of ranks
for round in 1 2 3; do
  begin
  for ranks in 2 3 1; do
    setsid "$mpi" $ranks "$CLV" fit "$work/data/clv.yaml" --set "$here" $settings --quiet >"$work/log" 2>&1 &
    pid=$!
    await "a checkpoint" test -s "$state/state.0"
    sleep "0.$((RANDOM % 5))"
    kill_all $pid "$here"
  done
  job "$work/broken" 2 fit --quiet || fail "resumed fit after SIGKILL, round $round"
  [ "$(draws_of "$work/broken")" = "$whole" ] || fail "other draws after SIGKILL, round $round"
done

# SIGTERM: exit code 75, a sentence, and the same draws later
begin
hold
slowly 100 "$CLV" fit "$work/data/clv.yaml" --set "$here" $settings >"$work/log" 2>&1 &
pid=$!
await "a tenth of the draws" grep -q "^fit  *[1-9].*%" "$work/log"
kill -TERM $pid
release
wait $pid; rc=$?
[ $rc -eq 75 ] || fail "exit code $rc after SIGTERM"
grep -q "run the same command again" "$work/log" || fail "no sentence after SIGTERM"
# another configuration is refused, and the key is named
job "$work/broken" 1 fit --quiet --set sampler.seed=9; rc=$?
[ $rc -eq 2 ] && grep -q "sampler.seed" "$work/log" || fail "another seed was not refused ($rc)"
# a damaged newest generation: the one before serves
"$CLV_TESTS/damage.sh" "$(newest_state "$state")" 2000 || fail "damaging the checkpoint"
job "$work/broken" 3 fit || fail "resume from the older checkpoint"
grep -q "damaged" "$work/log" || fail "the damage was not mentioned"
[ "$(draws_of "$work/broken")" = "$whole" ] || fail "other draws after SIGTERM and damage"

# --fresh begins anew
begin
mkdir -p "$state"
printf garbage >"$state/state.0"
job "$work/broken" 1 fit --quiet --fresh || fail "--fresh"
[ "$(draws_of "$work/broken")" = "$whole" ] || fail "other draws after --fresh"
exit 0

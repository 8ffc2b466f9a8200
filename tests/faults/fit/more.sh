#!/bin/bash
# More draws later: --more, --until and a larger num_samples go on from a finished fit to the bits of a run that had so many from the start,
# on another number of ranks, through interruptions; and a warm start begins where another run ended.
set -u
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mpi="$CLV_TESTS/mpirun.sh"
fail() { echo "$1"; [ -f "$work/log" ] && tail -n 20 "$work/log"; exit 1; }
. "$CLV_TESTS/interrupt/interrupt.sh"
"$CLV" simulate --customers 4000 --seed 3 --output "$work/data" --quiet >/dev/null || fail "simulate"
settings="--set sampler.num_warmup=120 --set sampler.save_warmup=true --set sampler.checkpoint_every=0.05s --set diagnostics.min_ess=1 --set diagnostics.max_rhat=9 --set predict.draws=20"
job() { # directory ranks job options...
  local dir=$1 ranks=$2 what=$3; shift 3
  "$mpi" "$ranks" "$CLV" "$what" "$work/data/clv.yaml" --set output.directory="$dir" $settings "$@" >"$work/log" 2>&1
}
draws_of() { job "$1" 1 diagnose --quiet || fail "diagnose $1"; sed -n 's/^draws sha256 //p' "$work/log"; }
refused() { # code pattern; the last job's log
  [ "$rc" -eq "$1" ] && [ "$(grep -c '^clv: ' "$work/log")" -eq 1 ] && grep -q -- "$2" "$work/log" || fail "exit code $rc, or no '$2'"
}
job "$work/whole" 1 prepare --quiet || fail "prepare"
cp -r "$work/whole" "$work/parts"
job "$work/whole" 1 fit --quiet --set sampler.num_samples=300 || fail "fit of 300"
whole=$(draws_of "$work/whole")

job "$work/parts" 1 fit --more 10; rc=$?; refused 2 "no finished fit"
job "$work/parts" 2 fit --quiet --set sampler.num_samples=100 || fail "fit of 100"
job "$work/parts" 1 fit --set sampler.num_samples=100 --more none; rc=$?; refused 2 "--more"
job "$work/parts" 1 fit --set sampler.num_samples=100 --more 50 --set sampler.seed=9; rc=$?; refused 2 "sampler.seed"
rm -f "$work/parts/example/checkpoint/more"
# --more, stopped on its way: the same command means the same number
hold "$work/parts/example/checkpoint/more"
slowly $STANDS "$CLV" fit "$work/data/clv.yaml" --set output.directory="$work/parts" $settings --set sampler.num_samples=100 --more 100 --quiet >"$work/log" 2>&1 &
pid=$!
await "the number" test -s "$work/parts/example/checkpoint/more"
kill -TERM $pid; release; wait $pid; rc=$?
[ $rc -eq 75 ] || fail "exit code $rc after SIGTERM"
job "$work/parts" 3 fit --quiet --set sampler.num_samples=100 --more 100 || fail "--more again"
[ ! -f "$work/parts/example/checkpoint/more" ] || fail "the number is still written down"
job "$work/parts" 1 fit --quiet --until 260 || fail "--until"
job "$work/parts" 1 fit --quiet --until 260 || fail "--until, with nothing to do"
job "$work/parts" 2 fit --set sampler.num_samples=300 || fail "a larger num_samples"
grep -q "going on after 120 warm-up and 260 of 300" "$work/log" || fail "did not go on"
[ "$(draws_of "$work/parts")" = "$whole" ] || fail "other draws in parts"
# not the draws alone: all that is in the file, but for the time when it was made
for group in posterior sample_stats warmup_posterior warmup_sample_stats observed_data constant_data; do
  h5diff "$work/whole/example/trace.nc" "$work/parts/example/trace.nc" $group $group >"$work/log" 2>&1 || fail "another $group in parts"
done

# refit --more: fit goes on, the later steps follow, and a plain refit has nothing to do
job "$work/chain" 1 refit --set sampler.num_samples=40 || [ $? -eq 4 ] || fail "refit"
job "$work/chain" 2 refit --set sampler.num_samples=40 --more 20 || [ $? -eq 4 ] || fail "refit --more"
grep -q "going on after 120 warm-up and 40 of 60" "$work/log" && grep -q "^predict: running again: its inputs changed" "$work/log" || fail "refit --more did not go on"
job "$work/chain" 1 refit --set sampler.num_samples=40 || [ $? -eq 4 ] || fail "refit after --more"
[ "$(grep -c "done before" "$work/log")" -eq 5 ] || fail "refit after --more does something again"

# warm start: a fifth of the warm-up, from a run directory or a trace; the same bits on any ranks; unusable ones are told
for ranks in 1 3; do
  cp -r "$work/whole" "$work/warm$ranks"
  job "$work/warm$ranks" $ranks fit --set sampler.num_samples=60 --set sampler.num_warmup=500 --set sampler.warm_start="$work/whole/example" || fail "warm start"
  grep -q "a warm-up of 100 draws a chain instead of 500" "$work/log" && grep -q "gradients instead of about .* saved" "$work/log" || fail "says nothing of what it saved"
done
[ "$(draws_of "$work/warm1")" = "$(draws_of "$work/warm3")" ] || fail "a warm start has other bits on 3 ranks"
# its own trace, which it replaces: interrupted at once, the same bits
cp -r "$work/whole" "$work/self"; cp -r "$work/whole" "$work/other"
own() { job "$work/self" "$@" --set sampler.num_samples=60 --set sampler.num_warmup=500 --set sampler.warm_start="$work/self/example"; }
before=$(stat -c %i "$work/self/example/trace.nc")
is_replaced() { [ "$(stat -c %i "$work/self/example/trace.nc")" != "$before" ]; }
hold
slowly 100 "$CLV" fit "$work/data/clv.yaml" --set output.directory="$work/self" $settings --set sampler.num_samples=60 --set sampler.num_warmup=500 --set sampler.warm_start="$work/self/example" --quiet >"$work/log" 2>&1 &
pid=$!
await "the new trace" is_replaced
kill -KILL $pid; wait $pid 2>/dev/null; release
own 2 fit --quiet || fail "resumed warm start"
[ "$(draws_of "$work/self")" = "$(draws_of "$work/warm1")" ] || fail "a warm start from its own trace has other bits after SIGKILL"
job "$work/warm1" 1 fit --set sampler.num_samples=20 --fresh --set sampler.warm_start="$work/nowhere" || fail "a warm start from nowhere"
grep -q "no warm start: .*nowhere.* is not there" "$work/log" || fail "nothing said of a missing warm start"
job "$work/warm1" 1 fit --set sampler.num_samples=20 --fresh --set model.purchases=mbg_nbd --set sampler.warm_start="$work/whole/example/trace.nc" || fail "a warm start from another model"
grep -q "no warm start: .*another model" "$work/log" || fail "nothing said of another model"
exit 0

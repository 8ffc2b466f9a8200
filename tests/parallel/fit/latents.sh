#!/bin/bash
# model.integrate: none, purchases and amounts sampled: the same draws and the same latents.h5 and latents.json on 1 to 4 ranks, with plain C, and after
# interruptions on changing numbers of ranks; amounts alone sampled, beside purchases that are integrated out, forecasts too; what it cannot do is refused with a sentence. That the draws are right is latent_posterior's and
# latent_grid_agree's to say.
set -u
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mpi="$CLV_TESTS/mpirun.sh"
fail() { echo "$1"; [ -f "$work/log" ] && tail -n 20 "$work/log"; exit 1; }
"$CLV" simulate --customers 3000 --weeks 30 --seed 4 --output "$work/data" --quiet >/dev/null || fail "simulate"
settings="--set model.purchases=pareto_nbd_lognormal --set model.spend=gamma_value --set model.integrate=none --set sampler.num_chains=2
  --set sampler.num_warmup=40 --set sampler.num_samples=30 --set sampler.max_tree_depth=4 --set diagnostics.min_ess=1 --set diagnostics.max_rhat=9
  --set predict.keep_customers=5" # five customers' own draws are in the trace, and so in its digest
job() { # directory ranks job options...
  local dir=$1 ranks=$2 what=$3; shift 3
  "$mpi" "$ranks" "$CLV" "$what" "$work/data/clv.yaml" --set output.directory="$work/$dir" $settings "$@" >"$work/log" 2>&1
}
draws_of() { job "$1" 1 diagnose || fail "diagnose $1"; sed -n 's/^draws sha256 //p' "$work/log"; }
begin() { rm -rf "$work/$1"; mkdir -p "$work/$1"; cp -r "$work/made/example" "$work/$1/"; }
job made 1 prepare --quiet || fail "prepare"
begin one; job one 1 fit --quiet || fail "fit"
one=$(draws_of one)
[ -n "$one" ] || fail "no digest"
[ "$(grep -c '^log_\(lambda\|mu\|alpha\|beta\)\[[0-9]*\] ' "$work/log")" -eq 20 ] || fail "kept customers in the trace"
same() {
  [ "$(draws_of "$1")" = "$one" ] || fail "draws differ: $1"
  for file in latents.h5 latents.json; do cmp "$work/one/example/$file" "$work/$1/example/$file" || fail "$file differs: $1"; done
  ! ls "$work/$1/example/checkpoint/" | grep -q latents || fail "a finished fit left latents in its checkpoint: $1"
}
same one
for ranks in 2 3 4; do begin "ranks$ranks"; job "ranks$ranks" $ranks fit --quiet || fail "fit on $ranks ranks"; same "ranks$ranks"; done
begin plain; CLV_ISA=plain job plain 1 fit --quiet || fail "fit with plain C"; same plain

# interrupted again and again, each time on another number of ranks
. "$CLV_TESTS/interrupt/interrupt.sh"
here=output.directory=$work/broken
listens() { grep -qs "^fit: " "$work/log" || ! kill -0 $pid 2>/dev/null; } # it says what it will do when all ranks listen
begin broken
for ranks in 2 1 3 2; do
  rm -f "$work/log" # or the one before it would say that these listen
  setsid "$mpi" $ranks "$CLV" fit "$work/data/clv.yaml" --set "$here" $settings >"$work/log" 2>&1 &
  pid=$!
  await "the ranks to listen" listens
  sleep "0.$((RANDOM % 10))"
  ranks_with "$here" | xargs -r kill -TERM 2>/dev/null
  wait $pid; rc=$?
  [ $rc -eq 0 ] && break
  [ $rc -eq 75 ] || grep -q "run the same command again" "$work/log" || fail "exit code $rc after SIGTERM on $ranks ranks"
done
if [ $rc -ne 0 ]; then # a shard of the checkpoint that is damaged is said, never used
  shard=$(ls "$work/broken/example/checkpoint/"latents.* | head -n 1)
  cp -r "$work/broken" "$work/damaged"
  for shard in "$work/damaged/example/checkpoint/"latents.*; do "$CLV_TESTS/damage.sh" "$shard" 3000 || fail "damaging a shard"; done
  job damaged 2 fit --quiet; rc=$?
  [ $rc -eq 3 ] && grep -q "damaged" "$work/log" || fail "a damaged shard: exit code $rc"
  job broken 2 fit --quiet --set predict.keep_customers=4; other=$?
  [ $other -eq 2 ] && grep -q "predict.keep_customers" "$work/log" || fail "other kept customers: exit code $other"
  job broken 4 fit --quiet || fail "resumed fit"
fi
same broken

grep -q log_beta "$work/one/example/latents.json" || fail "latents.json"

# amounts sampled, purchases integrated out; the posterior of the hyperparameters forecasts as ever
for ranks in 1 3; do
  begin "spend$ranks"
  for what in fit predict; do
    job "spend$ranks" $ranks $what --quiet --set model.purchases=bg_nbd --set sampler.num_warmup=20 --set sampler.num_samples=10 --set predict.draws=20 --set predict.keep_customers=1001 || fail "$what of bg_nbd and gamma_value on $ranks ranks"
  done
done
for file in latents.h5 latents.json predictions.csv; do cmp "$work/spend1/example/$file" "$work/spend3/example/$file" || fail "$file differs with amounts sampled"; done
[ "$(wc -l <"$work/spend1/example/predictions.csv")" -eq 3001 ] || fail "predictions"
for value in log_alpha log_beta; do grep -q "\"$value\"" "$work/spend1/example/latents.json" || fail "no $value"; done
grep -q log_lambda "$work/spend1/example/latents.json" && fail "purchases were sampled too"

# what it cannot do
job one 1 fit --set model.purchases=bg_nbd --set model.spend=gamma_gamma; rc=$?
[ $rc -eq 2 ] && grep -q "model.integrate: none" "$work/log" || fail "bg_nbd and gamma_gamma were not refused ($rc)"
job one 1 fit --more 10; rc=$?
[ $rc -eq 2 ] && grep -q "own positions" "$work/log" || fail "--more was not refused ($rc)"
exit 0

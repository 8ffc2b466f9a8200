#!/bin/sh
# The same log, portfolio, draws and forecasts, byte for byte, on 1 to 4 ranks, one and two chain groups, and every instruction set. That the draws are right is
# fit_recovers_truth's to say.
set -eu
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mpi="$CLV_TESTS/mpirun.sh"
small="--set sampler.num_warmup=120 --set sampler.num_samples=60 --set predict.draws=50 --set diagnostics.min_ess=1 --set diagnostics.max_rhat=9 --quiet"

make_log() { "$mpi" "$1" "$CLV" simulate --customers 20000 --weeks 30 --holdout 10 --seed 5 --output "$work/data$1" --quiet >/dev/null; }
make_log 1
for ranks in 2 3 4; do
  make_log $ranks
  for file in transactions.csv truth.csv truth.json; do
    cmp "$work/data1/$file" "$work/data$ranks/$file" || { echo "simulate: $file differs at $ranks ranks"; exit 1; }
  done
done

draws_of() { sed -n 's/^draws sha256 //p' "$1/log"; }
chain() { # name ranks settings...: prepare to evaluate
  name=$1 ranks=$2; shift 2
  run="$work/$name"; mkdir -p "$run"
  for job in prepare fit diagnose predict evaluate; do
    "$mpi" "$ranks" "$CLV" $job "$work/data1/clv.yaml" --set output.directory="$run" $small "$@" >>"$run/log" 2>&1 || { cat "$run/log"; exit 1; }
  done
}
same() { # name
  [ -n "$(draws_of "$work/one")" ] && [ "$(draws_of "$work/one")" = "$(draws_of "$work/$1")" ] || { echo "draws differ: $1"; exit 1; }
  for file in portfolio.h5 rejected.csv data_report.json predictions.csv predictions.h5 new_customer.json evaluation.json; do
    cmp "$work/one/example/$file" "$work/$1/example/$file" || { echo "$file differs: $1"; exit 1; }
  done
}
chain one 1
for ranks in 2 3 4; do chain "ranks$ranks" $ranks --set sampler.chain_groups=1; same "ranks$ranks"; done
for ranks in 2 4; do chain "groups$ranks" $ranks --set sampler.chain_groups=2; same "groups$ranks"; done
for isa in plain avx2 avx512; do CLV_ISA=$isa chain "isa_$isa" 1; same "isa_$isa"; done

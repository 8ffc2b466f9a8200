#!/bin/sh
# pareto_nbd_lognormal with spend as its third dimension, segments and covariates: the same draws, forecasts and leave-one-out on any number of ranks, byte for byte; parameters and
# coefficients of simulated shops are found, with and without spend.
set -eu
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mpi="$CLV_TESTS/mpirun.sh"
small="--set sampler.num_warmup=10 --set sampler.num_samples=25 --set sampler.max_tree_depth=4 --set predict.draws=20 --set predict.keep_customers=5 --set loo.draws=100 --quiet"

"$CLV" simulate --model pareto_nbd_lognormal --spend lognormal --covariates --segments 3 --customers 50 --seed 4 --output "$work/data" --quiet >/dev/null
"$mpi" 3 "$CLV" simulate --model pareto_nbd_lognormal --spend lognormal --covariates --segments 3 --customers 50 --seed 4 --output "$work/data3" --quiet >/dev/null
for file in transactions.csv customers.csv truth.csv truth.json; do cmp "$work/data/$file" "$work/data3/$file" || exit 1; done

chain() { # name ranks settings...
  name=$1 ranks=$2; shift 2
  for job in prepare fit predict evaluate loo; do
    "$mpi" "$ranks" "$CLV" $job "$work/data/clv.yaml" --set output.directory="$work/$name" $small "$@" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  done
}
same() { for file in predictions.csv predictions.h5 new_customer.json evaluation.json loo.json loo.h5; do cmp "$work/$1/example/$file" "$work/$2/example/$file" || exit 1; done; }
chain one 1
for ranks in 2 3; do chain ranks$ranks $ranks; same one ranks$ranks; done

recovers() { # name parameters spend settings...
  name=$1 n=$2 spend=$3; shift 3
  "$CLV" simulate --model pareto_nbd_lognormal --spend "$spend" --gamma-purchases 0,.5,-.4,.6 --gamma-dropout 0,-.6,.3,.5 --gamma-spend 0,.2,.1,-.3 --continuous --customers 400 \
    --weeks 60 --holdout 0 --seed 3 --output "$work/$name" --quiet >/dev/null
  for job in prepare fit diagnose; do
    "$CLV" $job "$work/$name/clv.yaml" --set output.directory="$work/$name" --set customers.covariates=[club,channel] --set sampler.num_warmup=80 --set sampler.num_samples=40 \
      --set diagnostics.min_ess=1 --set diagnostics.max_rhat=9 --quiet "$@" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  done
  python3 - "$work/$name" "$n" <<'P'
import json, sys
truth = json.load(open(f"{sys.argv[1]}/truth.json"))
found = json.load(open(f"{sys.argv[1]}/example/diagnostics.json"))["parameters"]
value = dict(truth["parameters"])
for vector, columns in truth["covariates"].items():
    value.update({f"{vector}[{column}]": gamma for column, gamma in columns.items()})
seen = [name for name in found if name in value]
assert len(seen) == int(sys.argv[2]), seen
for name in seen:  # thirty of both shops: 4 standard deviations are passed once in 500
    p = found[name]
    assert p["sd"] > 0 and abs(p["mean"] - value[name]) < 4 * p["sd"], (name, value[name], p)
P
}
recovers rates 11 gamma_gamma --set model.spend=none --set 'model.covariates.spend=[]'
recovers three 19 lognormal

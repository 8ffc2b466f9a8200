#!/bin/sh
# With covariates: the same customer table on any number of ranks, the same draws, forecasts and evaluation, byte for byte, by groups and row by row; coefficients of a simulated shop
# are found; and what cannot be is refused with a sentence.
set -eu
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mpi="$CLV_TESTS/mpirun.sh"
small="--set sampler.num_warmup=60 --set sampler.num_samples=30 --set predict.draws=40 --set predict.keep_customers=5 --quiet"

"$CLV" simulate --covariates --customers 800 --segments 6 --seed 4 --output "$work/data" --quiet >/dev/null
"$mpi" 3 "$CLV" simulate --covariates --customers 800 --segments 6 --seed 4 --output "$work/data3" --quiet >/dev/null
for file in transactions.csv customers.csv truth.csv truth.json; do cmp "$work/data/$file" "$work/data3/$file" || exit 1; done

chain() { # name ranks settings...
  name=$1 ranks=$2; shift 2
  for job in prepare fit predict evaluate; do
    "$mpi" "$ranks" "$CLV" $job "$work/data/clv.yaml" --set output.directory="$work/$name" $small "$@" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  done
}
same() { for file in portfolio.h5 predictions.csv predictions.h5 new_customer.json evaluation.json; do cmp "$work/$1/example/$file" "$work/$2/example/$file" || exit 1; done; }
chain groups1 1 --set model.pooling=complete
for ranks in 2 4; do chain groups$ranks $ranks --set model.pooling=complete; same groups1 groups$ranks; done
chain rows1 1 # six segments times hundreds of vectors: too many for groups
chain rows3 3; same rows1 rows3

refused() { # code sentence job settings...
  code=$1 sentence=$2 job=$3; shift 3
  got=0; "$CLV" $job "$work/data/clv.yaml" --set output.directory="$work/groups1" --quiet "$@" >"$work/log" 2>&1 || got=$?
  [ $got -eq $code ] && grep -q "$sentence" "$work/log" || { echo "expected $code and '$sentence', got $got:"; cat "$work/log"; exit 1; }
}
refused 2 "model.covariates.dropout names 'clib'" fit --set model.covariates.dropout=clib
refused 2 "model.integrate: 'none' takes no covariates" fit --fresh --set model.pooling=complete --set model.integrate=none --set model.purchases=pareto_nbd_lognormal --set model.spend=none
refused 3 "fitted with other covariates on dropout" predict --set model.pooling=complete --set model.covariates.dropout=age
refused 3 "fitted with other covariates on spend" evaluate --set model.pooling=complete --set 'model.covariates.spend=[]'

"$CLV" simulate --covariates --model pareto_nbd --continuous --customers 700 --weeks 60 --seed 3 --output "$work/truth" --quiet >/dev/null
for job in prepare fit diagnose; do
  "$CLV" $job "$work/truth/clv.yaml" --set output.directory="$work/truth" --set sampler.num_warmup=150 --set sampler.num_samples=100 --set diagnostics.min_ess=1 \
    --set diagnostics.max_rhat=9 --quiet >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
done
python3 - "$work/truth" <<'P'
import json, sys
truth = json.load(open(f"{sys.argv[1]}/truth.json"))["covariates"]
found = json.load(open(f"{sys.argv[1]}/example/diagnostics.json"))["parameters"]
for vector, value in truth.items():
    for column, gamma in value.items():
        p = found[f"{vector}[{column}]"]
        assert p["sd"] > 0 and abs(p["mean"] - gamma) < 4 * p["sd"], (vector, column, gamma, p)  # twelve of them: once in 1300 shops
P

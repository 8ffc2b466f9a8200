#!/bin/sh
# gamma_value end to end: the same log, draws and forecasts on 1 to 4 ranks, byte for byte; a simulated shop's parameters and the effects of covariates are found, and clv fit says what
# its grid costs.
set -eu
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mpi="$CLV_TESTS/mpirun.sh"
shop="--spend gamma_value --r 2 --alpha 10 --a 0.2 --b 2 --seed 6" # most customers come back

# 8,520 buy again: two blocks, so that two ranks have some
effects="--covariates --gamma-purchases 0,0,0,0 --gamma-dropout 0,0,0,0"
make_log() { "$mpi" "$1" "$CLV" simulate $shop $effects --customers 10500 --weeks 20 --holdout 0 --output "$work/data$1" --quiet >/dev/null; }
for ranks in 1 3; do make_log $ranks; done
for file in transactions.csv truth.csv truth.json; do cmp "$work/data1/$file" "$work/data3/$file" || exit 1; done

chain() { # ranks
  run="$work/ranks$1"; mkdir -p "$run"
  for job in prepare fit diagnose predict; do
    "$mpi" "$1" "$CLV" $job "$work/data1/clv.yaml" --set output.directory="$run" --set sampler.num_chains=2 --set sampler.num_warmup=20 --set sampler.num_samples=10 \
      --set sampler.max_tree_depth=2 --set diagnostics.min_ess=1 --set diagnostics.max_rhat=99 --set predict.draws=2 --set predict.keep_customers=5 --quiet >>"$run/log" 2>&1 || [ $? = 4 ] || { cat "$run/log"; exit 1; } # so few draws have not converged
  done
}
draws_of() { sed -n 's/^draws sha256 //p' "$work/ranks$1/log"; }
chain 1
[ -n "$(draws_of 1)" ]
for ranks in 2 3 4; do
  chain $ranks
  [ "$(draws_of 1)" = "$(draws_of $ranks)" ] || { echo "draws differ at $ranks ranks"; exit 1; }
  for file in portfolio.h5 predictions.csv predictions.h5 new_customer.json; do
    cmp "$work/ranks1/example/$file" "$work/ranks$ranks/example/$file" || { echo "$file differs at $ranks ranks"; exit 1; }
  done
done

for wrong in "--p 3" "--spend gamma_valu"; do # each refused, with the reason
  code=0; "$CLV" simulate --spend gamma_value $wrong --output "$work/wrong" >"$work/log" 2>&1 || code=$?
  [ $code = 2 ] && grep -q -e "^clv: ${wrong% *}" "$work/log" && [ ! -e "$work/wrong" ] || { echo "simulate $wrong: $code"; cat "$work/log"; exit 1; }
done

"$CLV" simulate $shop $effects --gamma-spend .02,.4,-.3,.2 --customers 400 --weeks 39 --holdout 0 --continuous --correlation-ratio 2 --output "$work/truth" --quiet >/dev/null
for job in prepare fit diagnose; do
  "$CLV" $job "$work/truth/clv.yaml" --set output.directory="$work/truth" --set 'model.covariates.purchases=[]' --set 'model.covariates.dropout=[]' --set sampler.num_warmup=120 --set sampler.num_samples=100 --set diagnostics.min_ess=50 --set diagnostics.max_rhat=1.1 \
    >"$work/log.$job" 2>&1 || { cat "$work/log.$job"; exit 1; }
done
python3 - "$work" <<'P'
import json, re, sys
work = sys.argv[1]
made = json.load(open(f"{work}/truth/truth.json"))
truth = made["parameters"] | {f"gamma_spend[{column}]": value for column, value in made["covariates"]["gamma_spend"].items()}
found = json.load(open(f"{work}/truth/example/diagnostics.json"))["parameters"]
assert len(truth) == 13 and set(truth) == set(found), (truth, found)
for name, value in truth.items():  # thirteen of them: 4 standard deviations are passed once in 1200 shops
    p = found[name]
    assert p["sd"] > 0 and abs(p["mean"] - value) < 4 * p["sd"], (name, value, p)
change = re.search(r"half the grid's step changes the log density by (\S+) of", open(f"{work}/log.fit").read())
assert change and float(change.group(1)) < 1e-5, change  # 400 customers, 1e-9 each; far ones 1e-7
P

#!/bin/sh
# CDNOW sample: the posterior of pareto_nbd_lognormal beside the published one (Abe's model without covariates, 2.5, 50
# and 97.5 %), the change between the grid's step and half of it, and the forecast of the holdout.
set -eu
[ -n "${CLV_SHARED_DATA:-}" ] || { echo "skipped: CLV_SHARED_DATA names no folder with data/cdnow_sample_transactions.csv"; exit 77; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cat >"$work/abe.yaml" <<Y
data:
  transactions: $CLV_SHARED_DATA/data/cdnow_sample_transactions.csv
  columns: {customer: Id, time: Date, amount: Price}
  time_unit: week
  observation_end: 1997-09-30
  holdout_end: 1998-06-30
model: {purchases: pareto_nbd_lognormal, spend: none}
sampler: {num_samples: 150, num_warmup: 150}
predict: {horizon: 39, draws: 20}
output: {directory: $work}
Y
for job in prepare fit diagnose predict evaluate; do "$CLV" $job "$work/abe.yaml" >"$work/$job.log" 2>&1 || [ $? = 4 ] || { cat "$work/$job.log"; exit 1; }; done
python3 - "$work/abe" "$work/fit.log" <<'P'
import json, re, sys
found = json.load(open(f"{sys.argv[1]}/diagnostics.json"))["parameters"]
# published: the interval of mean log lambda and log mu, and of their variances
published = {"mean_log_lambda": (-3.70, -3.32), "mean_log_mu": (-3.96, -3.26), "sd_log_lambda": (1.10 ** .5, 1.65 ** .5), "sd_log_mu": (1.44 ** .5, 5.05 ** .5)}
for name, (low, high) in published.items():
    # its prior is another one, inverse-Wishart: this posterior's median lies inside its 95 % interval, and 90 % intervals meet
    assert low < found[name]["q50"] < high, (name, found[name])
    assert found[name]["q05"] < high and found[name]["q95"] > low, (name, found[name])
# the likelihood decides this one: its sd is 0.15, the medians of 400 effective draws differ by 0.01 and by the priors
assert abs(found["sd_log_lambda"]["q50"] ** 2 - 1.34) < 0.05, found["sd_log_lambda"]
change = re.search(r"half the grid's step changes the log density by (\S+) of", open(sys.argv[2]).read())
assert change and float(change[1]) < 1e-5, change  # 2357 customers at 5e-9 at most
holdout = json.load(open(f"{sys.argv[1]}/evaluation.json"))["purchases"]
assert holdout["actual"] == 1882 and abs(holdout["forecast"] - 1676) < 60, holdout  # sd over draws 130, 20 draws: two standard errors
P

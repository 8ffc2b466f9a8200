#!/bin/sh
# CDNOW, all 23,570 customers: the posterior contains the maximum-likelihood estimates of the literature.
set -eu
[ -n "${CLV_SHARED_DATA:-}" ] || { echo "skipped: CLV_SHARED_DATA names no folder with data/cdnow_full_transactions.csv"; exit 77; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cat >"$work/cdnow.yaml" <<Y
data:
  transactions: $CLV_SHARED_DATA/data/cdnow_full_transactions.csv
  columns: {customer: customer_id, time: date, amount: dollar_value}
  time_format: "%Y%m%d"
  time_unit: week
  observation_end: 1997-09-30
  holdout_end: 1998-06-30
sampler: {num_samples: 400, num_warmup: 400}
predict: {horizon: 39, draws: 60}
output: {directory: $work}
Y
for job in prepare fit diagnose predict evaluate; do "$CLV" $job "$work/cdnow.yaml" --quiet >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }; done
python3 - "$work/cdnow" <<'P'
import csv, json, sys
run = sys.argv[1]
mle = {"r": .25162, "alpha": 4.78894, "a": .72343, "b": 2.16109, "p": 6.27536, "q": 3.62445, "v": 14.98369}  # issue's figures, logL -95368.44 and -40763.48
found = json.load(open(f"{run}/diagnostics.json"))["parameters"]
for name, value in mle.items():
    assert found[name]["q05"] < value < found[name]["q95"], (name, value, found[name])
holdout = json.load(open(f"{run}/evaluation.json"))
assert holdout["customers"] == 23570 and holdout["purchases"]["actual"] == 19684
# at the MLE the expected total is 16873.7 (SciPy's 2F1); the posterior's sd is about 100
assert abs(holdout["purchases"]["forecast"] - 16873.7) < 150, holdout
rows = list(csv.DictReader(open(f"{run}/predictions.csv")))
assert len(rows) == 23570
total = sum(float(r["expected_purchases"]) for r in rows)
assert abs(total - holdout["purchases"]["forecast"]) < 60, total  # other draws: 60 against 60, thinned alike
for r in rows:
    assert 0 <= float(r["p_alive"]) <= 1 and 0 < float(r["clv"]) < float(r["clv_forever"])
P

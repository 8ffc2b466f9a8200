#!/bin/sh
# The 11,104 donors of Fader, Hardie & Shang 2010, their counts turned into a log of yearly gifts: the posterior of the
# BG/BB contains the published estimates, and the forecast of 2002 to 2006 is the published model's.
set -eu
[ -n "${CLV_SHARED_DATA:-}" ] || { echo "skipped: CLV_SHARED_DATA names no folder with data/donations_rf.csv"; exit 77; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 - "$CLV_SHARED_DATA/data/donations_rf.csv" "$work/log.csv" <<'P'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
with open(sys.argv[2], "w") as out:
    out.write("customer_id,date\n")
    i = 0
    for row in rows:
        x, t_x, n, later = int(row["x"]), int(row["t.x"]), int(row["custs"]), int(row["x.star"])
        for k in range(n):
            i += 1
            given = list(range(1996, 1996 + x - 1)) + [1995 + t_x] * (x > 0)
            given += list(range(2002, 2002 + later // n + (k < later % n)))  # five years, at most one gift each
            for j, year in enumerate([1995] + given):
                out.write(f"D{i},{year}-{1 + (i + j) % 12:02d}-{1 + i % 28:02d}\n")
P
cat >"$work/donors.yaml" <<Y
data:
  transactions: $work/log.csv
  columns: {amount: null}
  time_unit: year
  merge_unit: year
  observation_end: 2001-12-31
  holdout_end: 2006-12-31
model: {purchases: bg_bb, spend: none}
sampler: {num_samples: 1000, num_warmup: 500}
predict: {horizon: 5, draws: 200}
output: {directory: $work}
Y
for job in prepare fit diagnose predict evaluate; do "$CLV" $job "$work/donors.yaml" --quiet >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }; done
python3 - "$work/donors" "$CLV_SHARED_DATA/data/donations_rf.csv" <<'P'
import csv, json, math, sys
run, counts = sys.argv[1:]
mle = {"alpha": 1.203528, "beta": 0.749726, "gamma": 0.656781, "delta": 2.783796}
found = json.load(open(f"{run}/diagnostics.json"))["parameters"]
for name, value in mle.items():
    assert found[name]["q05"] < value < found[name]["q95"], (name, value, found[name])
# donor by donor at the estimates: P(alive) times the fresh process's expectation, sums as they stand in the paper
a, b, g, d = mle.values()
beta = lambda p, q: math.lgamma(p) + math.lgamma(q) - math.lgamma(p + q)
def forecast(x, t, n, m):
    alive = math.exp(beta(a + x, b + n - x) + beta(g, d + n) - beta(a, b) - beta(g, d))
    total = alive + sum(math.exp(beta(a + x, b + t - x + i) + beta(g + 1, d + t + i) - beta(a, b) - beta(g, d)) for i in range(n - t))
    lives = sum(math.exp(beta(g, d + n + i) - beta(g, d + n)) for i in range(1, m + 1))
    return alive / total, alive / total * (a + x) / (a + b + n) * lives
cells = {(int(r["x"]), int(r["t.x"])): forecast(int(r["x"]), int(r["t.x"]), 6, 5) for r in csv.DictReader(open(counts))}
rows = list(csv.DictReader(open(f"{run}/predictions.csv")))
assert len(rows) == 11104
total = 0.0
for r in rows:
    alive, bought = cells[int(r["frequency"]), int(float(r["recency"]))]
    total += bought
    # the posterior's sd is about 0.02 of both; its mean is not the value at the estimates
    assert abs(float(r["p_alive"]) - alive) < 0.04 and abs(float(r["expected_purchases"]) - bought) < 0.1, (r, alive, bought)
holdout = json.load(open(f"{run}/evaluation.json"))
given = sum(int(r["x.star"]) for r in csv.DictReader(open(counts)))
assert holdout["customers"] == 11104 and holdout["purchases"]["actual"] == given, holdout
assert abs(holdout["purchases"]["forecast"] - total) < 0.01 * total, (holdout, total)
P

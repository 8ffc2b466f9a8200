#!/bin/sh
# Bit equality is blind to a chain that is frozen or wrong: the posterior of a simulated shop covers what it was made from, and the forecast what came after.
set -eu
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
"$CLV" simulate --customers 20000 --continuous --seed 11 --output "$work/data" --quiet >/dev/null
for job in prepare fit diagnose evaluate; do
  "$CLV" $job "$work/data/clv.yaml" --set output.directory="$work" --set sampler.num_samples=500 --set sampler.num_warmup=500 --quiet >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
done
python3 - "$work" <<'P'
import json, sys
work = sys.argv[1]
truth = json.load(open(f"{work}/data/truth.json"))["parameters"]
found = json.load(open(f"{work}/example/diagnostics.json"))
for name, value in truth.items():
    p = found["parameters"][name]
    assert p["sd"] > 0 and p["r_hat"] < 1.02 and p["ess_bulk"] > 400, (name, p)
    z = (p["mean"] - value) / p["sd"]
    assert abs(z) < 4, (name, z)  # seven parameters: 4 sd is passed by chance once in 2000 shops
holdout = json.load(open(f"{work}/example/evaluation.json"))["purchases"]
low, high = holdout["interval_90"]
wide = high - low
assert low - wide < holdout["actual"] < high + wide, holdout  # 3 half-widths: five standard deviations
P

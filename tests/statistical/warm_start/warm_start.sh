#!/bin/bash
# A warm start gives the posterior that a cold start gives, from an earlier run that was of another shop and ended elsewhere; and it shortens the warm-up by what it says.
set -u
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
fail() { echo "$1"; cat "$work/log"; exit 1; }
"$CLV" simulate --customers 1200 --seed 4 --output "$work/before" --quiet >"$work/log" || fail "simulate"
"$CLV" simulate --customers 2500 --r 0.5 --alpha 7 --p 4 --seed 5 --output "$work/now" --quiet >"$work/log" || fail "simulate"
run() { # SHOP NAME SEED SETTINGS...
  local shop=$1 name=$2 seed=$3 job; shift 3
  for job in prepare fit diagnose; do
    "$CLV" $job "$work/$shop/clv.yaml" --set output.directory="$work" --set name="$name" --set sampler.seed="$seed" --set sampler.num_warmup=500 \
      --set sampler.num_samples=1000 --set sampler.save_warmup=true "$@" >"$work/log" 2>&1 || fail "$name: $job"
    [ $job != fit ] || cp "$work/log" "$work/$name.fit"
  done
  values warmup_sample_stats/n_steps "$name" steps
  values warmup_sample_stats/step_size "$name" step_sizes
  values constant_data/step_size "$name" step_size
  values warmup_posterior/alpha "$name" warmup
  values posterior/alpha "$name" alpha
}
values() { h5dump -d "/$1" -m %.17g -y -w 0 -o "$work/$2.$3" "$work/$2/trace.nc" >/dev/null || fail "h5dump $1"; } # DATASET RUN FILE
run before earlier 1
run now cold 2
run now warm 3 --set sampler.warm_start="$work/earlier"
python3 - "$work" <<'P'
import json, re, sys
from math import hypot, log2
work = sys.argv[1]
earlier, cold, warm = (json.load(open(f"{work}/{name}/diagnostics.json"))["parameters"] for name in ("earlier", "cold", "warm"))
away = []
for name in cold:
    c, w, e = cold[name], warm[name], earlier[name]
    # other seeds, so independent errors; 14 comparisons at 4 standard errors: a false alarm in a thousand, and the seeds are named, so the outcome never changes
    assert abs(c["mean"] - w["mean"]) < 4 * hypot(c["mcse_mean"], w["mcse_mean"]), (name, "mean", c, w)
    assert abs(c["sd"] - w["sd"]) < 4 * hypot(c["mcse_sd"], w["mcse_sd"]), (name, "sd", c, w)
    assert w["r_hat"] < 1.02 and w["ess_bulk"] > 400, (name, w)
    away.append(abs(e["mean"] - w["mean"]) / hypot(e["mcse_mean"], w["mcse_mean"]))
# chains that had stayed where they began would be seen: the earlier run's means are far outside those 4
assert max(away) > 40, away

def values(name): return [float(x) for x in open(f"{work}/{name}").read().replace(",", " ").split()]
# What it begins with is the earlier run's. The places: a first transition whose step is too long for it leaves a chain where it began, and of these four that is so for some.
first, last = values("warm.warmup")[::100], values("earlier.alpha")[999::1000]
assert len(first) == len(last) == 4 and sum(a == b for a, b in zip(first, last)) > 0, (first, last)
# The step size: doubled or halved, with that metric once at most, until it fits
scale = [log2(s / values("earlier.step_size")[0]) for s in values("warm.step_sizes")[::100]]
assert all(abs(s - round(s)) < 1e-9 and abs(s) < 1.5 for s in scale), scale
steps = {name: [int(x) for x in values(f"{name}.steps")] for name in ("cold", "warm")}
said = open(f"{work}/warm.fit").read()
draws, instead = map(int, re.search(r"a warm-up of (\d+) draws a chain instead of (\d+)", said).groups())
took, about, saved = map(float, re.search(r"took (\d+) gradients instead of about (\d+): (\d+) % of them saved", said).groups())
assert instead == 500 and len(steps["cold"]) == 4 * instead and len(steps["warm"]) == 4 * draws, (draws, instead)
assert draws == 100
# gradients of the steps, and a few that look for a first step size
assert sum(steps["warm"]) <= took < 1.05 * sum(steps["warm"]) + 100, (took, sum(steps["warm"]))
# what a cold warm-up takes is known from the earlier run, of another shop: about
assert 0.6 < about / sum(steps["cold"]) < 1.6, (about, sum(steps["cold"]))
assert abs(saved - 100 * (1 - took / about)) <= 1 and saved > 50, saved
P

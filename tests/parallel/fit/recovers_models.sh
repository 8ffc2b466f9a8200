#!/bin/sh
# Shops simulated by each purchase model: its fit finds the parameters that made them.
set -eu
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
for model in mbg_nbd pareto_nbd mbg_cnbd_k bg_bb; do
  times=--continuous # dates would make purchases of a day one
  [ $model != bg_bb ] || times=
  "$CLV" simulate --model $model --customers 1200 --weeks 39 --holdout 0 $times --seed 3 --output "$work/$model-data" --quiet >/dev/null
  for job in prepare fit diagnose; do
    "$CLV" $job "$work/$model-data/clv.yaml" --set output.directory="$work" --set name=$model --set sampler.num_samples=125 --set sampler.num_warmup=150 \
      --set diagnostics.min_ess=50 --quiet >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  done
  python3 - "$work" $model <<'P'
import json, sys
work, model = sys.argv[1:]
truth = json.load(open(f"{work}/{model}-data/truth.json"))
found = json.load(open(f"{work}/{model}/diagnostics.json"))["parameters"]
assert truth["model"] == model and len(truth["parameters"]) == 7
# 28 parameters at 3.5 standard deviations: a false alarm in 80, and the numbers are named, so the outcome never changes
for name, value in truth["parameters"].items():
    assert abs(found[name]["mean"] - value) < 3.5 * found[name]["sd"], (model, name, value, found[name])
P
done

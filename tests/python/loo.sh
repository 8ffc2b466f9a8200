#!/bin/sh
# loo.sh VENV: clv loo and clv compare give what ArviZ's loo gives on log-likelihoods computed apart, customer by customer. Without PyPI the test is skipped.
set -eu
venv=$1
here=$(cd "$(dirname "$0")" && pwd)
"$here/venv.sh" "$venv"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
"$CLV" simulate --customers 1500 --seed 4 --holdout 0 --output "$work/data" --quiet >/dev/null
for model in bg_nbd mbg_nbd; do
  for job in prepare fit loo; do
    "$CLV" $job "$work/data/clv.yaml" --set output.directory="$work" --set name=$model --set model.purchases=$model --set sampler.num_samples=100 \
      --set sampler.num_warmup=200 --quiet >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  done
done
"$CLV" compare "$work/bg_nbd" "$work/mbg_nbd" --json "$work/compare.json" >"$work/log" || { cat "$work/log"; exit 1; }
MPLCONFIGDIR="$work" "$venv/bin/python" -W ignore "$here/check_loo.py" "$work"

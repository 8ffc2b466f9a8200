#!/bin/sh
# arviz.sh VENV: trace.nc as its readers see it. Without PyPI the test is skipped.
set -eu
venv=$1
here=$(cd "$(dirname "$0")" && pwd)
"$here/venv.sh" "$venv"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
"$CLV" simulate --customers 3000 --seed 2 --output "$work/data" --quiet >/dev/null
for job in prepare fit diagnose; do
  "$CLV" $job "$work/data/clv.yaml" --set output.directory="$work" --set sampler.num_samples=250 --set sampler.num_warmup=300 \
    --set sampler.save_warmup=true --set diagnostics.min_ess=100 --quiet >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
done
MPLCONFIGDIR="$work" "$venv/bin/python" -W ignore "$here/check_trace.py" "$work/example"

#!/bin/sh
# arviz.sh VENV: trace.nc as its readers see it. The virtual environment is made from PyPI once and kept in the build folder; without PyPI the test is skipped.
set -eu
venv=$1
here=$(cd "$(dirname "$0")" && pwd)
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import arviz, netCDF4, h5netcdf' 2>/dev/null; then
  rm -rf "$venv"
  python3 -m venv "$venv" >/dev/null 2>&1 || { echo "skipped: python3 -m venv does not work here (package python3-venv)"; exit 77; }
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" >/dev/null 2>&1 ||
    { rm -rf "$venv"; echo "skipped: PyPI cannot be reached for arviz"; exit 77; }
fi
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
"$CLV" simulate --customers 3000 --seed 2 --output "$work/data" --quiet >/dev/null
for job in prepare fit diagnose; do
  "$CLV" $job "$work/data/clv.yaml" --set output.directory="$work" --set sampler.num_samples=250 --set sampler.num_warmup=300 \
    --set sampler.save_warmup=true --set diagnostics.min_ess=100 --quiet >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
done
MPLCONFIGDIR="$work" "$venv/bin/python" -W ignore "$here/check_trace.py" "$work/example"

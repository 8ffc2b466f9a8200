#!/bin/sh
# venv.sh VENV: a virtual environment with the readers of our files, made from PyPI once and kept in the build folder. Leaves with 77 where that cannot be had.
set -eu
venv=$1
here=$(cd "$(dirname "$0")" && pwd)
exec 9>"$venv.lock"; flock 9
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import arviz, netCDF4, h5netcdf' 2>/dev/null; then
  rm -rf "$venv"
  python3 -m venv "$venv" >/dev/null 2>&1 || { echo "skipped: python3 -m venv does not work here (package python3-venv)"; exit 77; }
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" >/dev/null 2>&1 ||
    { rm -rf "$venv"; echo "skipped: PyPI cannot be reached for arviz"; exit 77; }
fi

#!/bin/sh
# bands.sh VENV: the judge of calibration judged (bands_check.py). Without PyPI the test is skipped.
set -eu
venv=$1
here=$(cd "$(dirname "$0")" && pwd)
"$CLV_TESTS/python/venv.sh" "$venv"
PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" "$here/bands_check.py"

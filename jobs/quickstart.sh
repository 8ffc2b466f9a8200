#!/bin/sh
# quickstart.sh: from nothing to lifetime values. Installs what is missing, builds, simulates an example shop with known
# truth, runs the whole chain on it and shows what came out and where. Takes a few minutes, most of it apt and the compiler.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
"$here/jobs/setup.sh"

clv="$here/build/release/jobs/clv"
out=${1:-"$here/runs"}
shop="$out/example"
customers=${CLV_QUICKSTART_CUSTOMERS:-10000}

# mpirun refuses root, rightly; the results are the same bits on any number of ranks.
run=""
if [ "$(id -u)" -ne 0 ] && [ "$(nproc)" -gt 1 ]; then
  run="mpirun -np 2"
fi

echo
echo "1. An example shop: $customers customers over 39 weeks, and 39 weeks more to check the forecast against"
rm -rf "$shop/data"
$run "$clv" simulate --customers "$customers" --weeks 39 --holdout 39 --seed 1 --output "$shop/data"

echo
echo "2. The whole chain: clv refit $shop/data/clv.yaml"
$run "$clv" refit "$shop/data/clv.yaml" --set output.directory="$shop"

echo
echo "Next: your own log. Copy $shop/data/clv.yaml, point data.transactions and data.columns at your files, and run"
echo "  $clv refit YOUR.yaml        (or: mpirun -np 4 $clv refit YOUR.yaml)"
echo "Every key: docs/configuration.md. What each file holds: docs/files.md."

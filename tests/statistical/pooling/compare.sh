#!/bin/sh
# compare.sh FOLDER [CUSTOMERS SEGMENTS TAU]: which pooling predicts customers of uneven segments best, and how segments are drawn towards their population. By hand;
# docs/pooling.md has the figures. plot.py FOLDER OUT.png draws what it leaves. CLV names the program.
set -eu
folder=$1 customers=${2:-2000} segments=${3:-40} tau=${4:-0.4}
clv=${CLV:-clv}
short="--set output.directory=$folder --set sampler.num_samples=1000 --set loo.draws=400 --quiet"
"$clv" simulate --customers "$customers" --segments "$segments" --tau "$tau" --unevenness 1 --r 0.5 --continuous --seed 7 --output "$folder/data" --quiet
for pooling in complete none partial; do
  for job in prepare fit diagnose loo evaluate; do
    "$clv" $job "$folder/data/clv.yaml" $short --set name=$pooling --set model.pooling=$pooling >"$folder/$pooling.$job" 2>&1 || { [ $job = diagnose ] || { cat "$folder/$pooling.$job"; exit 1; }; }
  done
  echo "== $pooling"; grep "chains of" "$folder/$pooling.diagnose"; sed -n 2,4p "$folder/$pooling.evaluate"
done
"$clv" compare "$folder/partial" "$folder/none" "$folder/complete"

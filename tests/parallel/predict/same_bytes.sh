#!/bin/sh
# clv predict writes the same predictions.csv, predictions.h5 and new_customer.json on 1, 2, 3 and 4 ranks, and says the same; ids are quoted.
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/clv_predict.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
. "$CLV_TESTS/parallel/predict/tiny.sh"
tiny_make "$dir" || exit 1
failed=0
wrong() { echo "FAILED: $1"; failed=1; }
run=$dir/runs/tiny
for n in 1 2 3 4; do
  "$CLV_TESTS/mpirun.sh" $n "$CLV" predict "$dir/tiny.yaml" --quiet >"$dir/said$n" 2>"$dir/err" || { cat "$dir/err"; wrong "exit code at $n ranks"; }
  mkdir "$dir/$n"
  for file in predictions.csv predictions.h5 new_customer.json; do
    mv "$run/$file" "$dir/$n/$file" || wrong "no $file at $n ranks"
    cmp "$dir/1/$file" "$dir/$n/$file" || wrong "$file differs at $n ranks"
  done
  cmp "$dir/said1" "$dir/said$n" || wrong "the table differs at $n ranks"
done
csv=$dir/1/predictions.csv
[ "$(wc -l <"$csv")" -eq 161 ] || wrong "not one line per customer"
grep -q '^"Smith, Anna",' "$csv" || wrong "a comma in an id is not quoted"
grep -q '^"the ""best""",' "$csv" || wrong "quotes in an id are not doubled"
[ "$(head -n 1 "$csv" | cut -d, -f 1-8)" = customer_id,frequency,recency,T,monetary_value,p_alive,p_alive_sd,p_alive_q05 ] || wrong "the header"
for name in expected_purchases_20_q95 expected_purchases_7.5 expected_spend_sd clv_20 clv_7.5_q50 clv_forever; do
  head -n 1 "$csv" | tr , '\n' | grep -qx "$name" || wrong "no column $name"
done
exit $failed

#!/bin/sh
# clv predict refuses, at 1 and 3 ranks with one line: a trace of another portfolio, an unknown id to keep (its position, never the id), a place in the way.
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/clv_predict.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
. "$CLV_TESTS/parallel/predict/tiny.sh"
tiny_make "$dir" || exit 1
failed=0
run=$dir/runs/tiny
wrong() { echo "FAILED: $1"; cat "$dir/err"; failed=1; }
# refused CODE TEXT [ARGUMENTS...]
refused() {
  code=$1; text=$2; shift 2
  for n in 1 3; do
    "$CLV_TESTS/mpirun.sh" $n "$CLV" predict "$dir/tiny.yaml" --quiet "$@" >"$dir/out" 2>"$dir/err"
    got=$?
    [ $got -eq "$code" ] || wrong "exit $got, not $code, at $n ranks: $text"
    [ "$(grep -c '^clv: ' "$dir/err")" -eq 1 ] || wrong "not one line at $n ranks: $text"
    grep -qF -- "$text" "$dir/err" || wrong "no '$text' at $n ranks"
    [ -z "$(find "$run" -name '*.part')" ] || wrong "something half-written remains at $n ranks: $text"
    [ ! -f "$run/predictions.csv" ] || wrong "predictions.csv appeared at $n ranks: $text"
  done
}
refused 2 "entry 2 of 2" --set 'predict.keep_customers=["c9","nobody-of-that-name"]'
grep -q nobody-of-that-name "$dir/err" && wrong "the id is in the message"
mkdir "$run/predictions.csv.part"
"$CLV" predict "$dir/tiny.yaml" --quiet >"$dir/out" 2>"$dir/err"
[ $? -eq 2 ] || wrong "a directory in the way"
grep -qF "predictions.csv" "$dir/err" || wrong "the path is not named"
rmdir "$run/predictions.csv.part"
sed '$d' "$dir/log.csv" | sed '$d' >"$dir/less.csv" && mv "$dir/less.csv" "$dir/log.csv"
cp "$run/trace.nc" "$dir/trace.nc"
"$CLV" prepare "$dir/tiny.yaml" --quiet >"$dir/out" 2>"$dir/err" || wrong "prepare"
cp "$dir/trace.nc" "$run/trace.nc"
refused 3 "trace.nc"
exit $failed

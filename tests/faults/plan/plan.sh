#!/bin/sh
# clv plan: JSON that programs can read, from the three sources; memory of prepare within a factor of 1.5; refusals with one sentence; nothing is left behind.
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/clv_plan_test.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
TMPDIR=$dir/tmp; export TMPDIR; mkdir "$TMPDIR"
fail() { echo "FAILED: $1"; cat "$dir/out" "$dir/err"; exit 1; }
"$CLV" simulate --customers 100000 --output "$dir/data" --quiet >"$dir/out" 2>"$dir/err" || fail simulate
settings="--set output.directory=$dir/runs --set sampler.num_warmup=60 --set sampler.num_samples=60 --set predict.draws=60"
plan() { "$CLV" plan "$dir/data/clv.yaml" $settings --quick --quiet "$@" >"$dir/out" 2>"$dir/err"; }
field() { sed -n "s/^  \"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},*\$/\1/p" "$dir/out"; }
refuses() { # pattern args...
  pattern=$1; shift
  plan "$@"; rc=$?
  [ $rc -eq 2 ] || fail "$*: exit code $rc"
  [ "$(grep -c '^clv: ' "$dir/err")" -eq 1 ] && grep -q -- "$pattern" "$dir/err" || fail "$*: no '$pattern'"
}
refuses "--customers" --customers none
refuses "--memory-per-rank" --memory-per-rank 4Q
refuses "wants a value" --ranks
refuses "does not know" --node 3
refuses "how large" --set 'data.transactions=[]'

plan --memory-per-rank 1G || fail "from the log"
grep -q "guessed from the log" "$dir/out" && grep -q "^all" "$dir/out" || fail "the table"
rows=$(sed -n 's/^example: .* customers, \([0-9]*\) transactions.*/\1/p' "$dir/out")
[ "$rows" -gt 200000 ] && [ "$rows" -lt 400000 ] || fail "rows guessed from the log: $rows"
[ -z "$(find "$TMPDIR" -name "clv-plan*")" ] || fail "something is left in TMPDIR"

/usr/bin/time -f %M -o "$dir/kib" "$CLV" prepare "$dir/data/clv.yaml" $settings --quiet >"$dir/out" 2>"$dir/err" || fail prepare
kib=$(cat "$dir/kib")
plan --json --ranks 1 || fail "from the portfolio"
[ "$(field source)" = portfolio ] || fail "source"
[ "$(field customers)" -le 100000 ] && [ "$(field distinct_histories)" -gt 1000 ] || fail "facts of the portfolio"
[ "$(grep -c memory_bytes_per_rank "$dir/out")" -eq 6 ] || fail "five steps and their sum"
bytes=$(awk '/"prepare"/ { at = 1 } at && /memory_bytes/ { gsub(/[^0-9]/, ""); print; exit }' "$dir/out")
[ $((bytes * 2)) -lt $((kib * 1024 * 3)) ] && [ $((bytes * 3)) -gt $((kib * 1024 * 2)) ] ||
  fail "memory of prepare: planned $bytes, measured $kib KiB"
exit 0

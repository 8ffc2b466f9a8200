#!/bin/bash
# clv prepare told to stop, on one of its ranks: all leave with 75 and one sentence, nothing is left, and the same command then writes the same bytes. refit ends with it.
set -u
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
fail() { echo "$1"; cat "$work/log"; exit 1; }
. "$CLV_TESTS/interrupt/interrupt.sh"
"$CLV" simulate --customers 3000 --segments 3 --seed 3 --output "$work/data" --quiet >"$work/log" || fail "simulate"
y=$work/data/clv.yaml run=$work/runs/example
"$CLV" prepare "$y" --set output.directory="$work/whole" --quiet >"$work/log" 2>&1 || fail "prepare"
for how in "prepare 1 TERM" "prepare 3 INT" "refit 2 USR1"; do
  read -r job ranks signal <<<"$how"
  hold
  slowly $STANDS "$CLV_TESTS/mpirun.sh" $ranks "$CLV" $job "$y" --set output.directory="$work/runs" --quiet >"$work/log" 2>&1 &
  pid=$!
  # rank 0 waits in the first fsync of all, that of config.yaml; the signal comes to another rank where there is one
  await "the beginning" test -f "$run/config.yaml.part"
  kill -$signal "$(ranks_with "output.directory=$work/runs" | sort -n | tail -n 1)" || fail "no rank of $job"
  release
  wait $pid; rc=$?
  [ $rc -eq 75 ] || fail "$how: exit code $rc"
  [ "$(grep -c '^clv: ' "$work/log")" -eq 1 ] && grep -q "interrupted.*run the same command again" "$work/log" || fail "$how: not one sentence"
  [ -z "$(find "$run" -type f ! -name config.yaml ! -name .lock)" ] || fail "$how: files were left: $(ls "$run")"
done
"$CLV" prepare "$y" --set output.directory="$work/runs" --quiet >"$work/log" 2>&1 || fail "prepare afterwards"
for file in portfolio.h5 data_report.json rejected.csv; do cmp "$work/whole/example/$file" "$run/$file" || fail "another $file"; done
exit 0

#!/bin/bash
# Four portfolios through prepare -> fit -> diagnose -> predict -> evaluate -> stage as arrays, submitted by submit.sh. One has no log: its chain ends,
# the others go on. The task that has the array's own number asks to run again while the others sample: it alone is restarted (without the rule about
# array ids all would be). What is staged has the bits of undisturbed refits.
LAB_CPUS=4
export LAB_CPUS
. "$CLV_TESTS/slurm/common.sh"
mkdir "$work/list"
for p in 1 2 3 4; do
  sed "s/^name:.*/name: shop$p/" "$work/data/clv.yaml" >"$work/list/shop$p.yaml"
  grep -q "^name: shop$p" "$work/list/shop$p.yaml" || sed -i "1i name: shop$p" "$work/list/shop$p.yaml"
  echo "$work/list/shop$p.yaml"
done >"$work/all.txt"
sed -i 's/transactions:.*/transactions: [nothing-here.csv]/' "$work/list/shop2.yaml"
cluster_start
slow
# shellcheck disable=SC2086
"$CLV_HOME/slurm/submit.sh" --sbatch --overcommit portfolios "$work/all.txt" --set output.directory="$work/array" --set stage.destination="$work/staged" $settings \
  >"$work/submit.log" 2>&1 || fail "submit.sh"
array() { sed -n "s/^submitted: $1 as array \([0-9]*\),.*/\1/p" "$work/submit.log"; }
fit=$(array fit) stage=$(array stage)
[ -n "$fit" ] && [ -n "$stage" ] || fail "no numbers of the arrays"
for p in 1 3 4; do await 180 "portfolio $p to sample" is_sampling "$work/array" "shop$p"; done
last=$(scontrol show job -o "$fit" | sed -n "s/^JobId=$fit .*ArrayTaskId=\([0-9]*\) .*/\1/p")
[ -n "$last" ] && [ "$last" != 2 ] || fail "no running task has the array's own number: '$last'"
scancel --batch --signal=USR1 "${fit}_$last" || fail "scancel --signal"
await 120 "task $last to go on" has_resumed "${fit}_$last"
for p in 1 3 4; do [ "$p" = "$last" ] || [ "$(restarts "${fit}_$p")" = 0 ] || fail "task $p was restarted with task $last"; done
fast
for p in 1 3 4; do completes "${stage}_$p" 240; done
for p in 1 3 4; do
  [ "$p" = "$last" ] || [ "$(restarts "${fit}_$p")" = 0 ] || fail "task $p was restarted"
  "$program" refit "$work/list/shop$p.yaml" --set output.directory="$work/plain" $settings --quiet >"$work/plain.log" 2>&1 || fail "the undisturbed refit of $p"
  for file in predictions.csv diagnostics.json evaluation.json; do cmp -s "$work/plain/shop$p/$file" "$work/staged/shop$p/$file" || fail "portfolio $p: another $file"; done
  digest() { "$program" diagnose "$work/list/shop$p.yaml" --set output.directory="$1" $settings --quiet 2>&1 | sed -n 's/^draws sha256 //p'; }
  [ -n "$(digest "$work/plain")" ] && [ "$(digest "$work/plain")" = "$(digest "$work/array")" ] || fail "portfolio $p: other draws"
done
is "$(array prepare)_2" FAILED || fail "prepare of the broken portfolio: $(state "$(array prepare)_2")"
for step in fit diagnose predict evaluate stage; do
  await 60 "the broken portfolio's $step to be cancelled" is "$(array $step)_2" CANCELLED
done
[ ! -e "$work/staged/shop2" ] || fail "something was staged for the broken portfolio"
exit 0

#!/bin/sh
# clv loo writes the same bytes on 1, 2 and 4 ranks, and clv compare prints the same table; what cannot be compared is refused in a sentence.
set -eu
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
fail() { echo "$1" >&2; exit 1; }
"$CLV" simulate --customers 700 --seed 5 --holdout 0 --output "$work/data" --quiet >/dev/null
run() { # NAME JOBS [--set …]
  name=$1 jobs=$2; shift 2
  for job in $jobs; do
    "$CLV" $job "$work/data/clv.yaml" --set output.directory="$work" --set name="$name" --set sampler.num_samples=30 --set sampler.num_warmup=80 \
      --set loo.draws=100 "$@" --quiet >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  done
}
run bg "prepare fit loo"
run cnbd "prepare fit loo" --set model.purchases=bg_cnbd_k --set model.spend=none
run few "prepare fit loo" --set data.min_transactions=3
cp "$work/bg/loo.h5" "$work/one.h5"; cp "$work/bg/loo.json" "$work/one.json"
"$CLV" compare "$work/bg" "$work/cnbd" >"$work/one.txt"
for ranks in 2 4; do
  "$CLV_TESTS/mpirun.sh" $ranks "$CLV" loo "$work/data/clv.yaml" --set output.directory="$work" --set name=bg --set loo.draws=100 --quiet >/dev/null
  cmp "$work/one.h5" "$work/bg/loo.h5" || fail "other bytes on $ranks ranks"
  cmp "$work/one.json" "$work/bg/loo.json" || fail "other figures on $ranks ranks"
  "$CLV_TESTS/mpirun.sh" $ranks "$CLV" compare "$work/bg" "$work/cnbd" >"$work/table.txt"
  cmp "$work/one.txt" "$work/table.txt" || fail "another table on $ranks ranks"
done
grep -q "^purchases, 700 customers" "$work/one.txt" && ! grep -q "^total" "$work/one.txt" || fail "like was not compared with like: $(cat "$work/one.txt")"
grep -q "has a spend model" "$work/one.txt" || fail "nothing was said of the spend"
run value "prepare fit loo" --set model.spend=gamma_value
"$CLV" compare "$work/bg" "$work/value" >"$work/amounts.txt"
grep -q "densities of mean amounts, the other of single amounts" "$work/amounts.txt" && ! grep -q "^spend,\|^total," "$work/amounts.txt" ||
  fail "mean amounts were compared with single ones: $(cat "$work/amounts.txt")"
refused() { # CODE SENTENCE ARGUMENTS
  code=$1 sentence=$2; shift 2
  got=0; "$CLV_TESTS/mpirun.sh" 2 "$CLV" compare "$@" >"$work/out" 2>&1 || got=$?
  [ "$got" = "$code" ] || fail "exit code $got instead of $code: $(cat "$work/out")"
  grep -q "$sentence" "$work/out" || fail "no '$sentence' in: $(cat "$work/out")"
}
refused 2 "use the same data.min_transactions" "$work/bg" "$work/few"
run other "prepare" --set data.observation_end=1997-08-31
refused 2 "there is no '.*other/loo.h5'" "$work/bg" "$work/other"
run other "fit loo" --set data.observation_end=1997-08-31
refused 2 "not about the same customers" "$work/bg" "$work/other"
refused 2 "two to 32 run directories" "$work/bg"
refused 2 "does not know the argument '--what'" "$work/bg" "$work/cnbd" --what
# the same weeks as opportunities: probabilities beside densities
run weeks "prepare fit loo" --set data.merge_unit=week --set model.spend=none
run opportunities "prepare fit loo" --set data.merge_unit=week --set model.spend=none --set model.purchases=bg_bb
refused 2 "densities of times, the other probabilities of opportunities" "$work/weeks" "$work/opportunities"
head -c 3000 "$work/bg/loo.h5" >"$work/weeks/loo.h5"
refused 3 "loo.h5' is damaged" "$work/bg" "$work/weeks"

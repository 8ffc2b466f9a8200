#!/bin/bash
# model.erlang_k: auto finds the k that a shop was simulated with: the same on 1 and 3 ranks, after an interruption, and by later steps; it is chosen once.
set -eu
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
fail() { echo "$1" >&2; exit 1; }
"$CLV" simulate --model mbg_cnbd_k --erlang-k 2 --customers 400 --weeks 30 --holdout 0 --continuous --output "$work/data" --quiet >/dev/null
run() { # NAME JOB RANKS …
  name=$1 job=$2 ranks=$3; shift 3
  "$CLV_TESTS/mpirun.sh" "$ranks" "$CLV" "$job" "$work/data/clv.yaml" --set output.directory="$work" --set name="$name" --set model.erlang_k=auto \
    --set sampler.num_samples=50 --set sampler.num_warmup=100 --set loo.draws=100 "$@" >"$work/log" 2>&1
}
run one prepare 1
got=0; run one loo 1 || got=$?
[ $got != 0 ] || fail "loo went on without a fit"
got=0; run one prior 1 || got=$?
[ $got = 2 ] && grep -q "name a k" "$work/log" || fail "prior with auto: $got $(cat "$work/log")"
run one fit 1 || { cat "$work/log"; exit 1; }
grep -q '"erlang_k": 2,' "$work/one/erlang_k.json" || fail "k was not found: $(cat "$work/one/erlang_k.json")"
grep -q "erlang_k 2 of 1 to 4 chosen" "$work/log" || fail "it is not said: $(cat "$work/log")"
[ ! -e "$work/one/erlang_k.json.part" ] || fail "the draws of the candidates were left"
run one fit 1 --set sampler.num_samples=60 || { cat "$work/log"; exit 1; }
! grep -q "chosen" "$work/log" || fail "k was chosen again though nothing it depends on had changed"
run one loo 1 --set sampler.num_samples=60 || { cat "$work/log"; exit 1; }
grep -q '"purchases": "mbg_cnbd_2"' "$work/one/loo.json" || fail "loo took another k: $(cat "$work/one/loo.json")"
rm -r "$work/one/erlang_k.json"
got=0; run one loo 1 --set sampler.num_samples=60 || got=$?
[ $got = 2 ] && grep -q "run clv fit" "$work/log" || fail "loo without a choice: $got $(cat "$work/log")"
run three prepare 3
run three fit 3 || { cat "$work/log"; exit 1; }
cp "$work/three/erlang_k.json" "$work/whole.json"
rm "$work/three/erlang_k.json"
# interrupted as soon as one candidate is done; what it had is taken up again, to the same bits
. "$CLV_TESTS/interrupt/interrupt.sh"
hold "$work/three/erlang_k.json.part.part"
slowly $STANDS "$CLV" fit "$work/data/clv.yaml" --set output.directory="$work" --set name=three --set model.erlang_k=auto --set sampler.num_samples=50 \
  --set sampler.num_warmup=100 >"$work/log" 2>&1 &
pid=$!
await "the first candidate" test -s "$work/three/erlang_k.json.part.part"
kill -TERM $pid
release
got=0; wait $pid || got=$?
[ $got = 75 ] && grep -q "interrupted while choosing model.erlang_k" "$work/log" || fail "interrupted: $got $(cat "$work/log")"
run three fit 1 || { cat "$work/log"; exit 1; }
cmp "$work/whole.json" "$work/three/erlang_k.json" || fail "another choice after an interruption"

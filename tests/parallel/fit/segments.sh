#!/bin/sh
# A simulated shop of uneven segments, pooled partially: the same draws and forecasts at 1, 3 and 4 ranks and in groups; the posterior covers the truth of every segment;
# forecasts carry the segments and one that nobody has seen; complete and none have the variables they say.
set -eu
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mpi="$CLV_TESTS/mpirun.sh"
shop="--customers 2000 --segments 5 --tau 0.5 --r 0.6 --continuous --seed 12"
"$CLV" simulate $shop --output "$work/data" --quiet >/dev/null
"$mpi" 3 "$CLV" simulate $shop --output "$work/data3" --quiet >/dev/null
for file in transactions.csv truth.csv truth.json customers.csv; do
  cmp "$work/data/$file" "$work/data3/$file" || { echo "simulate: $file differs at 3 ranks"; exit 1; }
done
chain() { # name ranks settings...
  run="$work/$1" ranks=$2; shift 2; mkdir -p "$run"
  for job in prepare fit diagnose predict evaluate; do
    "$mpi" "$ranks" "$CLV" $job "$work/data/clv.yaml" --set output.directory="$run" --set sampler.num_warmup=250 --set sampler.num_samples=250 \
      --set predict.draws=60 --set diagnostics.min_ess=100 --quiet "$@" >>"$run/log" 2>&1 || { cat "$run/log"; exit 1; }
  done
}
chain one 1
short="--set sampler.num_warmup=60 --set sampler.num_samples=30 --set predict.draws=20 --set diagnostics.min_ess=1 --set diagnostics.max_rhat=9"
chain short1 1 $short
chain short3 3 $short --set sampler.chain_groups=1
chain short4 4 $short --set sampler.chain_groups=2
for name in short3 short4; do
  [ "$(grep 'draws sha256' "$work/$name/log")" = "$(grep 'draws sha256' "$work/short1/log")" ] || { echo "draws differ: $name"; exit 1; }
  for file in predictions.csv new_customer.json evaluation.json; do
    cmp "$work/short1/example/$file" "$work/$name/example/$file" || { echo "$file differs: $name"; exit 1; }
  done
done
chain complete 1 $short --set model.pooling=complete
chain none 1 $short --set model.pooling=none
"$CLV" prior "$work/data/clv.yaml" --set output.directory="$work/one" >"$work/prior"
grep -q 'tau_r, sd over segments of log r ~ half_normal(0.5)' "$work/prior" || { cat "$work/prior"; exit 1; }
grep -q '^r\[segment\]' "$work/prior" || { cat "$work/prior"; exit 1; }
python3 - "$work" <<'P'
import json, sys
work = sys.argv[1]
load = lambda run, name: json.load(open(f"{work}/{run}/example/{name}"))
truth = json.load(open(f"{work}/data/truth.json"))
found = load("one", "diagnostics.json")
assert found["divergent"] == 0 and found["converged"], found["divergent"]
natural, segments = ["r", "alpha", "a", "b", "p", "q", "v"], sorted(truth["segments"])
assert set(found["parameters"]) == {f"{n}[{g}]" for n in natural for g in segments} | {f"{n}_population" for n in natural} | {f"tau_{n}" for n in natural}
beyond = 0
for name in natural:
    for g in segments:
        p = found["parameters"][f"{name}[{g}]"]
        beyond += not p["q05"] < truth["segments"][g][name] < p["q95"]
    p = found["parameters"][f"{name}_population"]
    assert abs(p["mean"] - truth["parameters"][name]) < 4 * p["sd"], (name, p)
    p = found["parameters"][f"tau_{name}"]
    assert abs(p["mean"] - truth["tau"]) < 4 * p["sd"], (name, p)
# 35 values in their 90 % intervals: 3.5 are expected outside. They hang together in groups of about two, so the standard deviation is about 2.5: 4 of them
assert beyond <= 13, beyond
new = load("one", "new_customer.json")
assert sorted(new) == sorted(segments + ["(new segment)"])
unseen, small = new["(new segment)"], new[segments[-1]]
assert unseen["expected_purchases_sd"] > small["expected_purchases_sd"] > 0  # what segments differ by, beside what is known of one of a hundred customers
assert min(v["clv_q05"] for v in new.values()) > 0
for run, names in (("complete", set(natural)), ("none", {f"{n}[{g}]" for n in natural for g in segments})):
    assert set(load(run, "diagnostics.json")["parameters"]) == names, run
    assert "(new segment)" not in load(run, "new_customer.json")
P

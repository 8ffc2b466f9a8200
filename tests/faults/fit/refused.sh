#!/bin/bash
# Bad input to fit, diagnose, predict and evaluate: an exit code, one sentence, on 1 and 3 ranks, and nothing half-written.
set -u
work=$(mktemp -d); trap 'umount "$work/small" 2>/dev/null; rm -rf "$work"' EXIT
fail() { echo "$1"; cat "$work/out"; exit 1; }
run() { # ranks args...; the limit is against a hang, whatever the build and the load
  local ranks=$1; shift
  if [ "$ranks" -eq 1 ]; then timeout 300 "$CLV" "$@" >"$work/out" 2>&1; else timeout 300 "$CLV_TESTS/mpirun.sh" "$ranks" "$CLV" "$@" >"$work/out" 2>&1; fi
}
refuses() { # code pattern args...
  local code=$1 pattern=$2 rc; shift 2
  for ranks in 1 3; do
    run $ranks "$@"; rc=$?
    [ $rc -eq "$code" ] || fail "$* at $ranks ranks: exit code $rc, not $code"
    [ "$(grep -c '^clv: ' "$work/out")" -eq 1 ] || fail "$* at $ranks ranks: not one sentence"
    grep -q -- "$pattern" "$work/out" || fail "$* at $ranks ranks: no '$pattern'"
  done
}
"$CLV" simulate --customers 400 --seed 3 --output "$work/data" --quiet >"$work/out" || fail "simulate"
y="$work/data/clv.yaml"
s="--set output.directory=$work --set sampler.num_warmup=60 --set sampler.num_samples=30 --set diagnostics.min_ess=1 --set diagnostics.max_rhat=9 --quiet"

refuses 3 "clv prepare" fit "$y" $s
run 1 prepare "$y" $s || fail prepare
refuses 3 "clv fit" diagnose "$y" $s
refuses 3 "clv fit" predict "$y" $s
refuses 2 "num_chains" fit "$y" $s --set sampler.num_chains=0
refuses 2 "model.priors" fit "$y" $s --set 'model.priors={zeta: "normal(0, 1)"}'
refuses 2 "normal(mean, sd)" fit "$y" $s --set 'model.priors={r: "norml(0, 1)"}'
refuses 2 "--fresh" fit "$y" $s --frsh
run 3 fit "$y" $s || fail "fit on 3 ranks"
for job in diagnose predict evaluate; do run 1 $job "$y" $s || fail $job; done # another number of ranks
refuses 2 "entry 2 of 2" predict "$y" $s --set 'predict.keep_customers=[C000000001, nobody]'
run 3 predict "$y" $s --set 'predict.keep_customers=[C000000001, C000000007]' || fail "kept customers"
refuses 4 "not converged" diagnose "$y" $s --set diagnostics.min_ess=100000

# as many segments as customers, and more than may have parameters of their own
mkdir "$work/many"
{ echo customer_id,segment; i=1; while [ $i -le 100000 ]; do echo "C$i,segment $i"; i=$((i + 1)); done; } >"$work/many/customers.csv"
awk 'BEGIN { print "customer_id,date,amount"; for (i = 1; i <= 100000; i++) printf "C%d,2026-01-%02d,10\n", i, 1 + i % 28 }' >"$work/many/log.csv"
cat >"$work/many/many.yaml" <<Y
data: {transactions: "$work/many/log.csv", observation_end: 2026-03-01}
customers: {table: "$work/many/customers.csv", segment: segment}
Y
refuses 3 "use a coarser column" prepare "$work/many/many.yaml" --set output.directory="$work/many" --quiet
awk -F, 'NR > 1 { print $1 ",segment " NR % 2000 } NR == 1' "$work/many/customers.csv" >"$work/many/some.csv"
m="--set output.directory=$work/many --set customers.table=$work/many/some.csv --set sampler.num_warmup=20 --set sampler.num_samples=4 --quiet"
run 1 prepare "$work/many/many.yaml" $m || fail "prepare 2000 segments"
refuses 2 "'segment' makes 2000 segments, more than the 1024" fit "$work/many/many.yaml" $m
run 1 fit "$work/many/many.yaml" $m --set model.pooling=complete || fail "2000 segments pooled completely"

# another portfolio under the same trace
cp "$work/example/portfolio.h5" "$work/keep.h5"
run 1 prepare "$y" $s --set data.time_unit=day || fail "prepare in days"
refuses 3 "another portfolio" predict "$y" $s
refuses 3 "another portfolio" evaluate "$y" $s
cp "$work/keep.h5" "$work/example/portfolio.h5"
printf 'no HDF5' >"$work/example/trace.nc"
refuses 3 "trace.nc" predict "$y" $s
[ -z "$(find "$work/example" -name '*.part' -o -name '*.tmp')" ] || fail "half-written files remain"

# more ranks than customers, a single customer, nobody who came back
mkdir "$work/few"
printf 'customer_id,date,amount\nonly,2026-01-01,10\n' >"$work/few/one.csv"
printf 'customer_id,date,amount\nann,2026-01-01,10\nbob,2026-01-03,12\n' >"$work/few/two.csv"
for log in one two; do
  cat >"$work/few/$log.yaml" <<Y
data: {transactions: "$work/few/$log.csv", observation_end: 2026-03-01}
model: {spend: gamma_gamma}
predict: {horizon: 10}
Y
  for ranks in 1 4; do
    for job in prepare fit diagnose predict; do
      run $ranks $job "$work/few/$log.yaml" --set output.directory="$work/few" --set sampler.num_warmup=60 --set sampler.num_samples=30 --set diagnostics.min_ess=1 \
        --set diagnostics.max_rhat=9 || fail "$log: $job at $ranks ranks"
      [ $job != fit ] || grep -q "no customer bought again" "$work/out" || fail "$log: no word about the spend model"
    done
    rm -rf "$work/few/$log"
  done
done

# a full disk, where this machine lets us make one
mkdir "$work/small"
if mount -t tmpfs -o size=2m tmpfs "$work/small" 2>/dev/null; then
  run 1 prepare "$y" --set output.directory="$work/small" --quiet || fail "prepare on a small disk"
  dd if=/dev/zero of="$work/small/filler" bs=4k 2>/dev/null
  for ranks in 1 3; do
    run $ranks fit "$y" --set output.directory="$work/small" --set sampler.num_warmup=60 --set sampler.num_samples=30 --quiet; rc=$?
    { [ $rc -eq 1 ] || [ $rc -eq 2 ]; } && [ "$(grep -c '^clv: ' "$work/out")" -eq 1 ] || fail "full disk at $ranks ranks: exit code $rc"
  done
else
  echo "no tmpfs can be mounted here: the full disk is left out"
fi
exit 0

#!/bin/bash
# plugin.sh BUILD EXAMPLE CC: the example plug-in, built outside the tree with the installed package alone, passes clv check-model, fits with the same bits on 1 and 3
# ranks and forecasts; a new build is noticed; and each way to get one wrong ends in one sentence and its exit code.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
refuses() { refuses_on 1 "$@"; }

# the example, by hand with every warning, and as CMake made it
compile nbd -Wall -Wextra -pedantic -Werror "$work/example/nbd.c"
for ranks in 1 3; do run $ranks check-model "$work/made/libnbd.so" || fail "check-model at $ranks ranks"; done
[ "$(grep -c '^  pass' "$work/out")" -ge 14 ] && ! grep -q FAIL "$work/out" || fail "check-model's table"

# it fits, forecasts, and is read from a name without a slash
"$clv" simulate --customers 400 --weeks 30 --holdout 10 --seed 3 --output "$work/data" --quiet >"$work/out" 2>&1 || fail simulate
cd "$work" || exit 1
y=data/clv.yaml
s="--set sampler.num_warmup=200 --set sampler.num_samples=150 --set predict.draws=50 --set diagnostics.min_ess=10 --set diagnostics.max_rhat=1.2 --set model.plugin=nbd.so --set output.directory=$work"
run 1 refit "$y" $s --set name=one --set model.plugin_options.rate_sd=1.5 || fail "refit"
grep -q 'nbd + gamma_gamma' "$work/out" || fail "the model's name"
grep -q 'rate ~ lognormal(.*1.5)' "$work/out" || fail "the option"
run 3 refit "$y" $s --set name=three --set model.plugin_options.rate_sd=1.5 || fail "refit on 3 ranks"
for file in predictions.csv evaluation.json new_customer.json; do cmp one/$file three/$file || fail "$file differs on 3 ranks"; done
grep -c . one/predictions.csv | grep -qx 401 || fail "predictions"
run 1 check-model ./nbd.so "$y" $s --set name=one || fail "check-model on a portfolio"
grep -q "of 400 customers" "$work/out" || fail "the portfolio's customers"
run 1 prior "$y" $s --set name=one || fail "prior"

# a new build runs fit and predict again, and no half-done fit is gone on with
run 1 refit "$y" $s --set name=one --set model.plugin_options.rate_sd=1.5 || fail "refit again"
grep -q '^fit: done before' "$work/out" || fail "nothing to do"
compile nbd -O2 -g "$work/example/nbd.c"
run 1 refit "$y" $s --set name=one --set model.plugin_options.rate_sd=1.5 || fail "refit with a new build"
grep -q '^fit: running again: its inputs changed' "$work/out" || fail "a new build"
refuses "no such option" refit "$y" $s --set name=bad --set model.plugin_options.speed=3
refuses "rate_sd is 'x'" refit "$y" $s --set name=bad --set model.plugin_options.rate_sd=x
refuses "model.priors: 'zeta'" fit "$y" $s --set name=bad --set 'model.priors.zeta=normal(0, 1)'
refuses "norml" fit "$y" $s --set name=bad --set 'model.priors.rate=norml(0, 1)'

# what is no plug-in
refuses "needs a shared object" check-model
refuses_on 3 "nothing.so.*No such file" check-model nothing.so
refuses "is no file" check-model "$work"
echo "not code" >"$work/text.so"; refuses_on 3 "cannot load.*text.so" check-model text.so
broken() { compile "$1" -DFAULT_"$1" -Wno-unused -I"$example" "$here/broken.c"; }
while read -r name pattern; do
  broken "$name"
  refuses "$pattern" check-model "$name.so"
done <<END
no_symbol no function clv_plugin_get
undefined clv_nowhere
abi ABI version 99
headers headers of another clv
null clv_plugin_get returned NULL
no_finish required entry
no_update process table lacks an entry
silent returned NULL and said nothing
says moon is in the wrong phase
nan gradient is
wrong finite differences
state asked again
split dealt to 2 ranks
order built another way
count built another way
forecast expected_new
END
refuses_on 3 "dealt to 2 ranks" check-model split.so
grep -q 'FAIL  rows dealt to several ranks' "$work/out" && grep -q 'pass  NaN and far' "$work/out" || fail "the table goes on behind a broken promise"
refuses_on 3 "model nbd + gamma_gamma: chain 0: no finite log-density and gradient.*coordinate 1 of its gradient -*nan" fit "$y" $s --set name=bad --set model.plugin=nan.so
refuses_on 3 "ABI version" fit "$y" $s --set name=bad --set model.plugin=abi.so
broken no_process
run 1 check-model no_process.so && grep -q "no process table" "$work/out" || fail "a plug-in without forecasts"
run 1 fit "$y" $s --set name=one --set model.plugin=no_process.so --fresh || fail "a fit without forecasts"
refuses "no process table" predict "$y" $s --set name=one --set model.plugin=no_process.so

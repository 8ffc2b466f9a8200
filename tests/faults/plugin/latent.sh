#!/bin/bash
# latent.sh BUILD EXAMPLE CC: the example plug-in whose customers are sampled, built outside the tree with the installed package alone, passes
# clv check-model and fits with the same bits on 1 and 3 ranks, alone and beside a model of spend that is integrated out; each way to get one
# wrong ends in one sentence and its exit code.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
compile own -Wall -Wextra -pedantic -Werror "$work/example/poisson_lognormal.c"
for ranks in 1 3; do run $ranks check-model "$work/made/libpoisson_lognormal.so" || fail "check-model at $ranks ranks"; done
[ "$(grep -c '^  pass' "$work/out")" -eq 10 ] && ! grep -q FAIL "$work/out" || fail "check-model's table"

"$clv" simulate --customers 2500 --weeks 30 --seed 3 --output "$work/data" --quiet >"$work/out" 2>&1 || fail simulate
cd "$work" || exit 1
y=data/clv.yaml
s="--set sampler.num_warmup=20 --set sampler.num_samples=10 --set sampler.num_chains=2 --set sampler.max_tree_depth=3 --set predict.draws=50 --set diagnostics.min_ess=1 --set diagnostics.max_rhat=9 --set output.directory=$work"
run 1 prepare "$y" $s --set name=one || fail prepare
for ranks in 1 3; do
  cp -r one both$ranks
  run $ranks fit "$y" $s --set model.plugin=own.so --set name=both$ranks || fail "fit on $ranks ranks"
  grep -q 'mean_log_rate ~ normal' "$work/out" || fail "its priors"
  run 1 diagnose "$y" $s --set model.plugin=own.so --set name=both$ranks || fail "diagnose"
  sed -n 's/^draws sha256 //p' "$work/out" >both$ranks/digest
done
for file in digest latents.h5 latents.json; do [ -s both1/$file ] && cmp both1/$file both3/$file || fail "$file differs"; done
cp -r one alone
run 2 fit "$y" $s --set model.plugin=own.so --set model.spend=none --set name=alone || fail "fit without spend"
grep -q '"model": "poisson_lognormal + none"' alone/latents.json || fail "latents.json without spend"
grep -q '"model": "poisson_lognormal + gamma_gamma"' both1/latents.json && grep -q '"log_rate"' both1/latents.json || fail "latents.json"
run 1 check-model ./own.so "$y" $s --set name=one && grep -q "of 2500 customers" "$work/out" || fail "check-model on a portfolio"
refuses_on 1 "no process table" predict "$y" $s --set name=both1 --set model.plugin=own.so
refuses_on 1 "remove model.integrate" fit "$y" $s --set name=one --set model.plugin=own.so --set model.integrate=none
refuses_on 1 "norml" fit "$y" $s --set name=one --set model.plugin=own.so --set 'model.priors.sd_log_rate=norml(0, 1)'

broken() { compile "$1" -DFAULT_"$1" -Wno-unused -I"$example" "$here/latent_broken.c"; }
while read -r name pattern; do
  broken "$name"
  refuses_on 1 "$pattern" check-model "$name.so" "$y" $s --set name=one
done <<END
latent_abi another ABI version
both both model and latent
neither model table is NULL
cells must include CLV_PLUGIN_CUSTOMERS
no_constrain lacks a required entry
no_hyper lacks a required entry
blocks its blocks must be those of its data
nameless has no name
nan_phi hyperparameter 1 is -*nan
wrong_phi hyperparameter 0 is
nan_own own parameter 0 is -*nan
wrong_own own parameter 0 is
nan_sum log-density at a start point is not finite
state asked again
behind place without a customer has gradient 1
boundless the log-density is inf where coordinate
split dealt to 2 ranks
order in another order
END
refuses_on 3 "dealt to 2 ranks" check-model split.so
grep -q 'pass  NaN and far' "$work/out" || fail "the table goes on behind a broken promise"

# a gradient that is not a number ends the fit, with the model's name
refuses_on 3 "model poisson_lognormal + gamma_gamma: chain 0: .*coordinate 1 of its gradient -*nan" fit "$y" $s --set name=one --set model.plugin=nan_phi.so
refuses_on 3 "model poisson_lognormal + gamma_gamma: chain 0: .*a customer's gradient is not finite" fit "$y" $s --set name=one --set model.plugin=nan_own.so
refuses_on 1 "model poisson_lognormal + none: chain 0: .*the log-density is -*nan" fit "$y" $s --set name=one --set model.plugin=nan_sum.so --set model.spend=none
refuses_on 3 "another ABI version" fit "$y" $s --set name=one --set model.plugin=latent_abi.so

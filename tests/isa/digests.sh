#!/bin/sh
# digests.sh FOLDER ISA...: simulate a small shop for each model in FOLDER, fit and forecast it with every instruction set named (plain, avx2, avx512), and print
# the SHA-256 of the draws, then of the forecasts, a line per model and instruction set. Runs in sh or busybox; $CLV is the program.
set -eu
folder=$1; shift
[ $# -gt 0 ] || { echo "usage: digests.sh FOLDER plain|avx2|avx512..." >&2; exit 2; }
sets=$*
: "${CLV:=clv}"
small="--set sampler.num_chains=2 --set sampler.num_warmup=20 --set sampler.num_samples=10 --set sampler.max_tree_depth=4 --set predict.draws=2
  --set diagnostics.min_ess=0 --set diagnostics.max_rhat=99"
tiny="--set sampler.num_warmup=0 --set sampler.num_samples=6 --set sampler.max_tree_depth=2" # where a gradient is dear; without warm-up no step is wild

job() { # name what options...: in $run, with the instruction set $isa
  name=$1 what=$2; shift 2
  CLV_ISA=$isa "$CLV" "$what" "$folder/$name/clv.yaml" --set output.directory="$run" $small "$@" >"$run/$what.log" 2>&1 ||
    [ $? -eq 4 ] || { cat "$run/$what.log"; exit 1; } # 4: so few draws need not converge
}
fitted() { # name customers simulate-options fit-options
  [ -d "$folder/$1" ] || "$CLV" simulate --weeks 26 --holdout 8 --seed 5 --customers "$2" $3 --output "$folder/$1" --quiet >/dev/null
  for isa in $sets; do
    run="$folder/$1/$isa"; mkdir -p "$run"
    for what in prepare fit diagnose; do job "$1" $what $4; done
    grep -q "^fit: .*, $isa\$" "$run/fit.log" || { echo "$1: the kernels of $isa did not run"; exit 1; }
    echo "$1 $isa draws $(sed -n 's/^draws sha256 //p' "$run/diagnose.log")"
  done
}
forecast() {
  for isa in $sets; do
    run="$folder/$1/$isa"
    job "$1" predict $4
    echo "$1 $isa forecasts $(cd "$run/example" && cat predictions.csv $(ls latents.h5 2>/dev/null || true) | sha256sum | cut -d' ' -f1)"
  done
}
for pass in fitted forecast; do
  $pass bg_nbd 40 "" ""
  $pass bg_nbd_continuous 40 "--continuous" ""
  $pass pareto_nbd 24 "--model pareto_nbd" "$tiny"
  $pass mbg_nbd 40 "--model mbg_nbd" ""
  $pass bg_cnbd_k 24 "--model bg_cnbd_k" "$tiny"
  $pass bg_bb 40 "--model bg_bb" ""
  $pass segments 20 "--segments 2" "$tiny"
  $pass covariates 40 "--covariates" "$tiny" # row by row: hardly two have the same
  $pass covariates_in_groups 40 "--covariates" "$tiny --set customers.covariates=[club]"
  $pass lognormal 12 "--model pareto_nbd_lognormal" "$tiny"
  $pass lognormal_spend 12 "--model pareto_nbd_lognormal --spend lognormal" "$tiny"
  $pass gamma_value 12 "--spend gamma_value" "$tiny"
  $pass latents 40 "--model pareto_nbd_lognormal --spend gamma_value" "$tiny --set model.integrate=none"
done

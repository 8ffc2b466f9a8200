#!/bin/bash
# submit.sh without a cluster: sizes from a plan and from what the partition's nodes have, the sbatch lines, and what it refuses. clv plan, sinfo and
# sbatch are stand-ins here; at the end the real plan is read once.
set -u
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $1"; cat "$work/out" "$work/err"; exit 1; }
program=$CLV
mkdir "$work/bin"
cat >"$work/bin/clv" <<E
#!/bin/bash
[ "\$1" = plan ] || exec "$program" "\$@"
ranks=\${RANKS:-8}; while [ \$# -gt 0 ]; do [ "\$1" = --ranks ] && ranks=\$2; [ "\$1" = --memory-per-rank ] && echo "\$2" >"$work/most"; shift; done
cat <<J
{
  "format": 1, "name": "shop", "source": "log", "customers": 1000000,
  "ranks": \$ranks, "seconds": 400.7, "memory_bytes_per_rank": 1073741824, "disk_bytes": 1,
  "steps": [
    { "step": "prepare", "ranks": \$ranks, "seconds": 60.0, "memory_bytes_per_rank": 1073741824 },
    { "step": "fit", "ranks": \$ranks, "seconds": 300.2, "memory_bytes_per_rank": 536870912 },
    { "step": "diagnose", "ranks": \$ranks, "seconds": 1, "memory_bytes_per_rank": 1048576 },
    { "step": "predict", "ranks": \$ranks, "seconds": 30, "memory_bytes_per_rank": 536870912 } ]
}
J
E
cat >"$work/bin/sinfo" <<'E'
#!/bin/sh
for a in "$@"; do [ "$a" = small ] && { echo "small 4 1000"; exit 0; }; [ "$a" = spot ] && { echo "spot 4 8000"; exit 0; }; [ "$a" = nowhere ] && exit 0; done
echo "batch* 4 8000
batch* 8 16000
other 2 100"
E
cat >"$work/bin/sbatch" <<'E'
#!/bin/bash
printf '%s ' "$@" >>"$SBATCH_LOG"; echo "[$CLV_LAUNCHER $CLV_MPI $CLV_HOME]" >>"$SBATCH_LOG"
n=$(wc -l <"$SBATCH_LOG"); echo "$((n + 40));cluster"
E
chmod +x "$work/bin"/*
export PATH=$work/bin:$PATH SBATCH_LOG=$work/sbatch
unset CLV CLV_LAUNCHER CLV_MPI
submit=$CLV_TESTS/../slurm/submit.sh
cd "$work" || exit 1
printf 'data: {transactions: a.csv}\n' >shop.yaml
run() { : >"$SBATCH_LOG"; "$submit" "$@" >out 2>err; }
has() { grep -qF -- "$1" "${2:-out}" || fail "no '$1' in ${2:-out}: $3"; }

run --help || fail "--help"; has "usage: submit.sh" out help; has "--dry-run" out help
run --dry-run refit shop.yaml --set sampler.seed=3 || fail "dry run"
# 8 ranks of 1024 MiB and half as much again: 4 a node of 4 processors, 6148 MiB; 400 s twice and a quarter of an hour: 29 minutes
has "--nodes=2 --ntasks=8 --ntasks-per-node=4 --mem=6148M --time=29 --signal=B:USR1@120" out "sizes"
has "--job-name=clv-refit-shop" out name; has "refit.sbatch shop.yaml --set sampler.seed=3" out arguments
[ ! -s sbatch ] || fail "a dry run submitted"
[ "$(cat most)" = 1333M ] || fail "memory per rank offered to the plan: $(cat most)"
# nodes with too little memory for four ranks of 768 MiB hold one
run --dry-run --partition small fit shop.yaml || fail "small nodes"; has "--nodes=8 --ntasks=8 --ntasks-per-node=1 --mem=769M" out "small nodes"; has "--partition=small" out partition
run --dry-run --partition small refit shop.yaml; [ $? -eq 2 ] || fail "a rank that fits no node"; has "more --ranks" err "too large a rank"
run --dry-run --ranks 3 --nodes 1 --mem 9G --time 7 --warn 30 fit shop.yaml || fail "given"
has "--nodes=1 --ntasks=3 --ntasks-per-node=3 --mem=9G --time=7 --signal=B:USR1@30" out "given sizes"
run --spot --launcher mpirun --mpi pmi2 --singleton --begin 02:00 --sbatch --account=crm fit shop.yaml || fail "submit"
has "--dependency=singleton --partition=spot --begin=02:00 --account=crm" sbatch options; has "[mpirun pmi2" sbatch environment; has "submitted: job 41" out number

printf '%s\n' shop.yaml shop.yaml shop.yaml >all.txt
run --limit 2 portfolios all.txt --set stage.destination=/srv/results || fail "portfolios"
has "--job-name=clv-all-prepare --array=1-3%2" sbatch array
for link in "41 fit" "42 diagnose" "43 predict" "44 stage"; do has "--dependency=aftercorr:${link% *} --kill-on-invalid-dep=yes" sbatch "${link#* }"; has "all.txt ${link#* } --set stage.destination=/srv/results" sbatch step; done
grep "all.txt stage" sbatch | grep -q -- "--ntasks=1 " || fail "stage wants one rank"
! grep -q evaluate sbatch || fail "evaluate without a holdout"
run portfolios all.txt || fail "portfolios without a destination"; ! grep -q stage sbatch || fail "stage without a destination"; has "no stage" out "no word about stage"
run --dry-run portfolios all.txt --set data.holdout_end=2030-01-01 --set data.observation_end=2029-01-01 || fail "holdout"; has "evaluate" out evaluate
printf '%s\n' shop.yaml nothing.yaml >bad.txt

refuses() { local text=$1; shift; run "$@"; [ $? -eq 2 ] || fail "exit code of: $*"; has "$text" err "$*"; [ ! -s sbatch ] || fail "submitted: $*"; }
refuses "usage: submit.sh"
refuses "there is no option --drop" --drop fit shop.yaml
refuses "whole number" --ranks some fit shop.yaml
refuses "srun or mpirun" --launcher aprun fit shop.yaml
refuses "cannot read 'nothing.yaml'" fit nothing.yaml
refuses "bad.txt:2: 'nothing.yaml' cannot be read" portfolios bad.txt
refuses "knows no partition 'nowhere'" --partition nowhere fit shop.yaml
refuses "wants a value" --ranks
CLV=$work/none refuses "there is no program" fit shop.yaml

# the real plan
rm "$work/bin/clv"
"$program" simulate --customers 200 --output "$work/data" --quiet >/dev/null || fail simulate
CLV=$program run --dry-run refit "$work/data/clv.yaml" --set output.directory="$work/runs" --set sampler.num_samples=50 --set sampler.num_warmup=50 || fail "with the real plan"
grep -q "plan: example, [1-9][0-9]* customers" out && grep -Eq -- "--nodes=1 --ntasks=[1-4] .*--mem=[1-9][0-9]*M --time=[1-9][0-9]*" out || fail "the real plan was not read"
exit 0

# Sourced by the tests of this folder: a cluster, a shop, and what its undisturbed refit gave. Wants CLV, CLV_TESTS, CLV_SLOW_LIBRARY.
# shellcheck shell=bash
set -u
lab=$CLV_TESTS/slurm/cluster.sh
reason=$("$lab" possible 2>&1) || { echo "skipped: $reason"; exit 77; }
work=$(mktemp -d /tmp/clv-slurm.XXXXXX); chmod 755 "$work"
export LAB_DIR=$work/lab LAB_OWNER=$$
trap '"$lab" stop; rm -rf "$work"' EXIT
trap 'exit 1' TERM INT
fail() {
  echo "FAILED: $1"
  squeue 2>/dev/null
  for log in "$work"/*.log; do [ ! -f "$log" ] || { echo "--- $log"; grep -v "log\|^C0000" "$log" | tail -n 25; }; done
  echo "--- slurmctld"; tail -n 15 "$work/lab/log/slurmctld.log" 2>/dev/null
  exit 1
}
# Being root, more ranks than processors and no binding are matters of this machine, not of the product: nodes share the cores.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_btl_vader_single_copy_mechanism=none OPENBLAS_NUM_THREADS=1
# So that mpirun, which waits for this several times over, ends well within KillWait.
export OMPI_MCA_odls_base_sigkill_timeout=2
export CLV_HOME=$CLV_TESTS/..

# ---- the program, as slow as a test wants ----
export CLV_TEST_SLOW=$work/slow CLV_TEST_SLOW_MS=${CLV_TEST_SLOW_MS:-400}
# Not LD_PRELOAD for all: bash and srun stay as they are. And a plan of two ranks at once, for submit.sh: what clv plan measures has tests of its own.
cat >"$work/clv" <<E
#!/bin/sh
[ "\$1" != plan ] || { echo '{"name": "example", "customers": 2000, "ranks": 2, "seconds": 9, "memory_bytes_per_rank": 9, "steps": [{"step": "fit", "ranks": 2, "seconds": 9, "memory_bytes_per_rank": 9}]}'; exit 0; }
LD_PRELOAD=$CLV_SLOW_LIBRARY exec "$CLV" "\$@"
E
chmod 755 "$work/clv"
program=$CLV
export CLV=$work/clv ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0

# ---- a shop: 24 legs of the sampler, a checkpoint after each ----
"$program" simulate --customers 2000 --seed 3 --output "$work/data" --quiet >/dev/null || fail "simulate"
settings="--set sampler.num_warmup=300 --set sampler.num_samples=900 --set sampler.checkpoint_every=0.01s --set diagnostics.min_ess=1 --set predict.draws=100"
# shellcheck disable=SC2086
plain() { "$program" "$1" "$work/data/clv.yaml" --set output.directory="$2" $settings --quiet "${@:3}" >"$work/plain.log" 2>&1; }
results() { # DIRECTORY: the hash of all draws, and of the table
  plain diagnose "$1" || return 1
  sed -n 's/^draws sha256 //p' "$work/plain.log"
  sha256sum <"$1/example/predictions.csv"
}
plain refit "$work/whole" || fail "the undisturbed refit"
whole=$(results "$work/whole"); [ "$(echo "$whole" | wc -l)" = 2 ] || fail "no hashes of the undisturbed refit"
same() { # JOB DIRECTORY: what an interrupted job ended with has the same bits
  [ -f "$2/example/predictions.csv" ] || fail "job $1 wrote no predictions"
  [ "$(results "$2")" = "$whole" ] || fail "job $1 ended with other bits than the undisturbed refit"
}

# ---- jobs ----
cd "$work" || exit 1
cluster_start() { "$lab" start 300 || fail "the cluster does not start"; eval "$("$lab" env)"; }
# batch FILE DIRECTORY SBATCH-OPTION...: submit a batch file of slurm/ on the shop, print the job's number
batch() {
  local file=$1 dir=$2; shift 2
  # shellcheck disable=SC2086
  sbatch --parsable "$@" "$CLV_HOME/slurm/$file.sbatch" "$work/data/clv.yaml" --set output.directory="$dir" $settings
}
field() { scontrol show job -o "$1" 2>/dev/null | tr ' ' '\n' | sed -n "s/^$2=//p" | head -n 1; }
state() { field "$1" JobState; }
restarts() { field "$1" Restarts; }
log_of() { field "$1" StdOut; }
# await SECONDS WHAT COMMAND...: poll; seconds are far beyond what an idle machine needs, and a machine with ten jobs for each processor is given four times as long
await() {
  local end=$((SECONDS + 4 * $1)) what=$2; shift 2
  while ! "$@"; do [ $SECONDS -lt $end ] || fail "waited too long for $what"; sleep 0.1; done
}
is() { [ "$(state "$1")" = "$2" ]; }
# A checkpoint has draws (io/checkpoint.c: n_warmup, n_draw): one that has none is begun anew, and nothing says that it goes on.
has_draws() { [ -s "$1" ] && od -An -tu8 -j 88 -N 16 "$1" | grep -q '[1-9]'; }
is_sampling() { has_draws "$1/${2:-example}/checkpoint/state.0" || has_draws "$1/${2:-example}/checkpoint/state.1"; }
has_restarted() { [ "$(restarts "$1")" -ge 1 ] 2>/dev/null; }
# Nothing is made fast before: what is left of the first run would reach its end before the second begins.
has_resumed() { has_restarted "$1" && grep -q "fit: going on after" "$(log_of "$1")"; }
is_over() { case $(state "$1") in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL | PREEMPTED | BOOT_FAIL | OUT_OF_MEMORY | DEADLINE) return 0 ;; esac; return 1; }
completes() { await "${2:-150}" "job $1 to end" is_over "$1"; is "$1" COMPLETED || fail "job $1 ended as $(state "$1"), $(field "$1" ExitCode)"; }
says() { grep -q -- "$2" "$(log_of "$1")" || fail "the log of job $1 does not say '$2'"; }
slow() { touch "$work/slow"; }
fast() { rm -f "$work/slow"; }

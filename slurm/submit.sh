#!/bin/bash
# Sizes a clv job for a cluster and submits it. `submit.sh --help` explains.
set -u
here=$(cd "$(dirname "$0")" && pwd)
usage() {
  cat <<'E'
usage: submit.sh [OPTION...] JOB CONFIG [ARG...]         one job: refit, fit, prepare, predict, ...
       submit.sh [OPTION...] portfolios LIST [ARG...]    a configuration per line of LIST: prepare -> fit -> diagnose -> predict
                                                         (-> evaluate) (-> stage) as arrays, each portfolio a chain of its own

Asks `clv plan` what the job will take, and the partition what its nodes have; chooses ranks, nodes, memory and time; submits.
ARG... goes to clv, such as --set predict.horizon=52. Jobs continue after time limits, preemption and lost nodes (docs/operations.md).

  --dry-run              print sizes and sbatch lines, submit nothing
  --partition P          where to run                             (Slurm's default partition)
  --spot                 in the Spot partition, $CLV_SPOT_PARTITION (spot)
  --launcher L           srun or mpirun                           ($CLV_LAUNCHER, srun)
  --mpi KIND             what srun --mpi= is given                ($CLV_MPI, pmix)
  --ranks R --nodes N --mem SIZE --time MINUTES                   instead of the planned ones; SIZE is per node, such as 16G
  --measure              plan by a minute of measurements, not by some seconds
  --warn SECONDS         save the state and requeue this long before the time limit (120)
  --singleton            wait for an earlier job of the same name: for scheduled refits
  --begin WHEN           not before, as in sbatch --begin: now+1hour, 02:00
  --limit K              arrays: at most K portfolios at once
  --steps A,B,...        arrays: this chain instead
  --sbatch OPTION        one more option for sbatch; may be repeated: --sbatch --account=crm

Examples
  submit.sh refit shop.yaml                                       on demand, under srun
  submit.sh --spot --launcher mpirun refit shop.yaml              on Spot machines, under mpirun
  submit.sh --dry-run --partition h3 --ranks 176 fit big.yaml     what would be submitted?
  submit.sh --limit 20 portfolios all.txt --set stage.destination=/shared/results
  0 2 * * *  cd /shared/clv && /opt/clv/slurm/submit.sh --singleton refit shop.yaml       a line of a crontab: it submits
E
}
die() { echo "submit: $1" >&2; exit 2; }

# ---- the command line ----
dry=no partition="" launcher=${CLV_LAUNCHER:-srun} mpi=${CLV_MPI:-pmix} ranks="" nodes="" mem="" minutes="" quick=--quick warn=120
singleton=no begin="" limit="" steps="" extra=()
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --dry-run) dry=yes ;;
    --spot) partition=${CLV_SPOT_PARTITION:-spot} ;;
    --measure) quick="" ;;
    --singleton) singleton=yes ;;
    --partition | --launcher | --mpi | --ranks | --nodes | --mem | --time | --warn | --begin | --limit | --steps | --sbatch)
      [ $# -ge 2 ] || die "$1 wants a value; --help explains"
      case $1 in
        --partition) partition=$2 ;; --launcher) launcher=$2 ;; --mpi) mpi=$2 ;; --ranks) ranks=$2 ;; --nodes) nodes=$2 ;; --mem) mem=$2 ;;
        --time) minutes=$2 ;; --warn) warn=$2 ;; --begin) begin=$2 ;; --limit) limit=$2 ;; --steps) steps=$2 ;; --sbatch) extra+=("$2") ;;
      esac
      shift ;;
    -*) die "there is no option $1; --help lists them (options for clv come after CONFIG)" ;;
    *) break ;;
  esac
  shift
done
[ $# -ge 2 ] || { usage >&2; exit 2; }
job=$1 config=$2
shift 2
case $launcher in srun | mpirun) ;; *) die "--launcher is '$launcher'; it may be srun or mpirun" ;; esac
whole() { case $2 in "" ) ;; *[!0-9]* | 0*) die "$1 is '$2'; it has to be a whole number above 0" ;; esac; }
whole --ranks "$ranks"; whole --nodes "$nodes"; whole --time "$minutes"; whole --warn "$warn"; whole --limit "$limit"
[ -r "$config" ] || die "cannot read '$config'"
clv=$(command -v "${CLV:-clv}") || die "there is no program '${CLV:-clv}': put clv on PATH, or set CLV to where it is"
case $clv in */*) clv=$(cd "$(dirname "$clv")" && pwd)/$(basename "$clv") ;; esac
command -v sbatch >/dev/null || [ $dry = yes ] || die "there is no sbatch here: submit from a login node of the cluster"

# ---- the partition's nodes ----
node_cpus="" node_mem=""
if command -v sinfo >/dev/null; then
  # The smallest of a partition with several kinds decides: jobs then start on any.
  read -r node_cpus node_mem <<<"$(sinfo -h ${partition:+-p "$partition"} -o '%P %c %m' 2>/dev/null |
    awk -v any="$partition" 'any != "" || $1 ~ /\*/ { c = $2 + 0; m = $3 + 0; if (!n++ || c < cpus) cpus = c; if (n == 1 || m < mem) mem = m } END { if (n) print cpus, mem }')"
  [ -n "$node_cpus" ] || [ $dry = yes ] || die "sinfo knows no partition '${partition:-default}'"
fi

# ---- plans ----
number() { sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" <<<"$2" | head -n 1; }
# plan CONFIG ARG...: the plan of a configuration, on one line
plan() {
  local most=""
  [ -z "$node_mem" ] || most="--memory-per-rank $((node_mem * 2 / 3 / node_cpus > 64 ? node_mem * 2 / 3 / node_cpus : 64))M"
  # shellcheck disable=SC2086
  "$clv" plan "$@" --json $quick $most ${ranks:+--ranks "$ranks"} | tr -s ' \n' ' '
  [ "${PIPESTATUS[0]}" -eq 0 ] || die "clv plan cannot plan '$1' (its sentence is above)"
}
of_step() { grep -o "{ *\"step\": *\"$1\"[^}]*}" <<<"$2"; } # STEP PLAN
larger() { [ "${1:-0}" -ge "${2:-0}" ] && echo "${1:-0}" || echo "${2:-0}"; }

# size STEP PLAN...: the largest of some plans; sets need_ranks, need_bytes, need_seconds
size() {
  local step=$1 text part; shift
  need_ranks=1 need_bytes=0 need_seconds=0
  for text in "$@"; do
    part=$(of_step "$step" "$text")
    if [ "$step" = refit ]; then part=${text%%\"steps\"*}; fi
    need_ranks=$(larger "$need_ranks" "$(number ranks "$part")")
    need_bytes=$(larger "$need_bytes" "$(number memory_bytes_per_rank "$part")")
    need_seconds=$(larger "$need_seconds" "$(number seconds "$part")")
  done
  # These read one file, or copy: more ranks would only wait.
  case $step in diagnose | stage | prior | loo | compare) need_ranks=1 ;; esac
  need_bytes=$(larger "$need_bytes" 268435456) # a process and its libraries
}

# layout: nodes, ranks a node, memory a node and minutes from what is needed, with half as much again as room; sets options
layout() {
  local mib=$((need_bytes * 3 / 2 / 1048576 + 1)) per_node=${node_cpus:-$need_ranks} n=${nodes:-1} time=${minutes:-}
  if [ -n "$node_mem" ] && [ -z "$mem" ] && [ $((per_node * mib)) -gt "$node_mem" ]; then per_node=$((node_mem / mib)); fi
  [ "$per_node" -ge 1 ] || die "a rank needs $mib MiB and a node of this partition has $node_mem: more --ranks (each holds less), or larger nodes"
  [ -n "$nodes" ] || n=$(((need_ranks + per_node - 1) / per_node))
  per_node=$(((need_ranks + n - 1) / n))
  [ -n "$time" ] || time=$(((need_seconds * 2 + 59) / 60 + 15))
  options=(--nodes="$n" --ntasks="$need_ranks" --ntasks-per-node="$per_node" --mem="${mem:-$((per_node * mib))M}" --time="$time" --signal="B:USR1@$warn")
  echo "$1: about $need_seconds s on $need_ranks rank$([ "$need_ranks" -eq 1 ] || echo s), $((need_bytes / 1048576)) MiB a rank;" \
    "asks for $n node$([ "$n" -eq 1 ] || echo s), ${mem:-$((per_node * mib)) MiB} a node, $time minutes"
}

# ---- submission ----
# Variables are set here and not by sbatch --export, which would load a login environment.
export CLV=$clv CLV_HOME=${here%/slurm} CLV_LAUNCHER=$launcher CLV_MPI=$mpi
common=(${partition:+--partition="$partition"} ${begin:+--begin="$begin"} "${extra[@]}")
submitted=""
# submit ARGUMENT...: one sbatch; sets submitted
submit() {
  if [ $dry = yes ]; then
    printf 'would run:'; printf ' %q' sbatch "$@"; echo
    return
  fi
  submitted=$(sbatch --parsable "$@") || die "sbatch refused"
  submitted=${submitted%%;*} # the cluster's name may follow
}
name_of() { sed -n 's/.*"name": *"\([^"]*\)".*/\1/p' <<<"$1" | head -n 1; }
[ $dry = no ] || echo "environment: CLV=$CLV CLV_HOME=$CLV_HOME CLV_LAUNCHER=$CLV_LAUNCHER CLV_MPI=$CLV_MPI"

submit_one() {
  local text name run=("$CLV_HOME/slurm/job.sbatch" "$job" "$config")
  text=$(plan "$config" "${arguments[@]}") || exit 2
  name=clv-$job-$(name_of "$text")
  case $job in fit | refit) run=("$CLV_HOME/slurm/$job.sbatch" "$config") ;; esac
  echo "plan: $(name_of "$text"), $(number customers "$text") customers"
  size "$job" "$text"
  layout "$job" || exit 2
  [ $singleton = no ] || options+=(--dependency=singleton)
  submit --job-name="$name" "${options[@]}" "${common[@]}" "${run[@]}" "$@"
  [ $dry = yes ] || echo "submitted: job $submitted, log $name-$submitted.log"
}

# Whether all configurations have a value for a key that is null where it is not set.
all_have() { # SECTION KEY ARG...
  local section=$1 key=$2 c; shift 2
  for c in "${configs[@]}"; do
    "$clv" config "$c" "${sets[@]}" | awk -v s="$section:" -v k="$key:" '/^[a-z]/ { in_it = $1 == s } in_it && $1 == k { v = $2 } END { exit v == "" || v == "null" || v == "~" }' || return 1
  done
}

submit_portfolios() {
  local line=0 c text plans=() after="" step name
  name=clv-$(basename "${config%.*}")
  while IFS= read -r c; do
    line=$((line + 1))
    [ -n "$c" ] && [ -r "$c" ] || die "$config:$line: '$c' cannot be read; every line has to be a configuration"
    configs+=("$c")
  done <"$config"
  [ $line -gt 0 ] || die "'$config' has no line"
  for c in "${configs[@]}"; do text=$(plan "$c" "${arguments[@]}") || exit 2; plans+=("$text"); done
  echo "plan: $line portfolios; each step is sized for the largest"
  if [ -z "$steps" ]; then
    steps=prepare,fit,diagnose,predict
    ! all_have data holdout_end || steps=$steps,evaluate
    if all_have stage destination; then steps=$steps,stage; else echo "no stage: not every portfolio has a stage.destination"; fi
  fi
  for step in ${steps//,/ }; do
    size "$step" "${plans[@]}"
    layout "$step" || exit 2
    [ -z "$after" ] || options+=(--dependency="aftercorr:$after" --kill-on-invalid-dep=yes)
    [ -n "$after" ] || [ $singleton = no ] || options+=(--dependency=singleton)
    submit --job-name="$name-$step" --array="1-$line${limit:+%$limit}" "${options[@]}" "${common[@]}" "$CLV_HOME/slurm/portfolios.sbatch" "$config" "$step" "$@"
    after=$submitted
    [ $dry = no ] || after=${step^^} # stands for the array's number
    [ $dry = yes ] || echo "submitted: $step as array $submitted, logs $name-$step-${submitted}_*.log"
  done
}

# For clv plan and clv config: --set and its values alone; the other arguments are the job's.
arguments=() sets=() configs=()
for ((i = 1; i <= $#; i++)); do
  case ${!i} in --set) j=$((i + 1)); sets+=(--set "${!j:-}"); i=$j ;; --set=*) sets+=("${!i}") ;; esac
done
arguments=("${sets[@]}")
if [ "$job" = portfolios ]; then submit_portfolios "$@"; else submit_one "$@"; fi

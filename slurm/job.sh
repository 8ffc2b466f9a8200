#!/bin/bash
# job.sh JOB CONFIG [ARG...]: one clv job inside a Slurm allocation, so that it survives time limits, preemption, requeues and lost nodes.
# The batch files of this folder call it; docs/operations.md tells the whole story.
#
#   CLV           the program                       (clv, from PATH)
#   CLV_LAUNCHER  srun or mpirun                    (srun)
#   CLV_MPI       what srun --mpi= is given         (pmix)
#   CLV_RESTARTS  give up after so many restarts    (100)
set -u
clv=${CLV:-clv} launcher=${CLV_LAUNCHER:-srun} restarts=${CLV_RESTARTS:-100}
task=$SLURM_JOB_ID
# Requeueing the last array task by its own job id would requeue the whole array.
[ -n "${SLURM_ARRAY_JOB_ID:-}" ] && task=${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}
say() { echo "$(date '+%F %T') job $task: $*" >&2; }

pid="" terminated=no
# The batch shell alone gets the warning before a time limit: it passes it on, and the ranks save their state.
trap '[ -n "$pid" ] && kill -USR1 "$pid" 2>/dev/null' USR1
# TERM reaches every rank by itself. A script that saw one never requeues: it cannot tell scancel from preemption, and Slurm requeues the latter.
trap 'terminated=yes' TERM

# Under mpirun a non-zero exit costs its kill timeout several times over: the outcome travels in a file instead.
CLV_STATUS_FILE=$(mktemp "${SLURM_SUBMIT_DIR:-.}/.clv-status-$task-XXXXXX") || exit 1
export CLV_STATUS_FILE
trap 'rm -f "$CLV_STATUS_FILE"' EXIT

case $launcher in
  srun) srun --mpi="${CLV_MPI:-pmix}" --kill-on-bad-exit=1 "$clv" "$@" & ;;
  mpirun)
    # mpirun kills ranks one second after TERM unless told otherwise; a checkpoint wants longer.
    export OMPI_MCA_odls_base_sigkill_timeout=${OMPI_MCA_odls_base_sigkill_timeout:-20}
    mpirun "$clv" "$@" & ;;
  *) say "CLV_LAUNCHER is '$launcher'; it may be srun or mpirun"; exit 2 ;;
esac
pid=$!
# A trapped signal ends `wait` early: wait until the launcher has really gone.
rc=0
while kill -0 "$pid" 2>/dev/null; do wait "$pid"; rc=$?; done
wait "$pid" 2>/dev/null; late=$?
[ "$late" -ne 127 ] && rc=$late
pid=""
code=$(cat "$CLV_STATUS_FILE" 2>/dev/null)
[ -n "$code" ] || code=$rc

requeue() {
  if [ "${SLURM_RESTART_COUNT:-0}" -ge "$restarts" ]; then
    say "restarted ${SLURM_RESTART_COUNT} times already (CLV_RESTARTS=$restarts): giving up"; exit "$code"
  fi
  say "$1; asking Slurm to run it again"
  local try
  for try in $(seq 60); do
    # After a successful requeue Slurm ends this script; sleeping until then keeps the job from being taken as complete.
    scontrol requeue "$task" 2>/dev/null && { sleep 300 & wait; }
    sleep 5
  done
  say "slurmctld did not take the requeue in five minutes"; exit "$code"
}

if [ "$terminated" = yes ]; then
  say "got TERM (cancelled, preempted or requeued by Slurm): code $code, not requeued by this script"
  exit "$code"
fi
case $code in
  0 | 4) exit "$code" ;;
  75) requeue "interrupted, state saved" ;;
  *) if [ "$code" -gt 64 ]; then requeue "the launcher ended with $code (a lost node or rank)"; fi
     say "clv $1 ended with exit code $code; not tried again"
     exit "$code" ;;
esac

#!/bin/bash
# job.sh JOB CONFIG [ARG...]: one clv job inside a Slurm allocation, so that it survives time limits, preemption, requeues and lost nodes.
# The batch files of this folder call it; docs/operations.md tells the whole story.
#
#   CLV           the program                                                            (clv, from PATH)
#   CLV_LAUNCHER  srun or mpirun                                                         (srun)
#   CLV_MPI       what srun --mpi= is given                                              (pmix)
#   CLV_RESTARTS  no more requeues of its own after this many restarts of the job        (100)
#   CLV_RETRIES   no more after this many ends in a row by a lost node or a crash        (10)
#   CLV_ACCEPT    an exit code that counts as success, for chains: 4 (not converged)     (none)
#   CLV_STATE     where it keeps notes between restarts; seen by all nodes               (where sbatch was called)
set -u
clv=${CLV:-clv} launcher=${CLV_LAUNCHER:-srun}
task=$SLURM_JOB_ID
# The last task of an array has the array's own number as job id: requeueing that would requeue every task.
[ -n "${SLURM_ARRAY_JOB_ID:-}" ] && task=${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}
notes=${CLV_STATE:-${SLURM_SUBMIT_DIR:-.}}/.clv-$task
say() { echo "$(date '+%F %T') job $task: $*" >&2; }

pid="" warned=no terminated=no
# The batch shell alone gets the warning before a time limit or a preemption: it passes USR1 on, and the ranks save their state. USR2 asks how far they are.
trap 'warned=yes; [ -z "$pid" ] || kill -USR1 "$pid" 2>/dev/null' USR1
trap '[ -z "$pid" ] || kill -USR2 "$pid" 2>/dev/null' USR2
# TERM reaches every rank by itself. A script that saw one never requeues: it cannot tell scancel from preemption, and Slurm requeues the latter.
trap 'terminated=yes' TERM

# ---- the outcome travels in a file, for under mpirun a non-zero exit costs its kill timeout several times over ----
mkdir -p "$notes" || { say "cannot make '$notes': set CLV_STATE to a folder that can be written"; exit 2; }
rm -f "$notes/code"
export CLV_STATUS_FILE=$notes/code
trap 'rm -f "$notes/code"; rmdir "$notes" 2>/dev/null' EXIT
leave() { rm -f "$notes/failures"; exit "$1"; }

# ---- run ----
launch() {
  export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} # a rank is a process of one thread
  case $launcher in
    srun) exec srun --mpi="${CLV_MPI:-pmix}" --kill-on-bad-exit=1 "$clv" "$@" ;;
    mpirun)
      # mpirun kills ranks one second after TERM unless told otherwise; a checkpoint wants longer.
      export OMPI_MCA_odls_base_sigkill_timeout=${OMPI_MCA_odls_base_sigkill_timeout:-20}
      exec mpirun "$clv" "$@" ;;
  esac
}
case $launcher in srun | mpirun) ;; *) say "CLV_LAUNCHER is '$launcher'; it may be srun or mpirun"; leave 2 ;; esac
[ "${SLURM_RESTART_COUNT:-0}" -eq 0 ] || say "restart ${SLURM_RESTART_COUNT} on ${SLURM_JOB_NODELIST:-}"
rc=75
if [ "$warned" = no ] && [ "$terminated" = no ]; then
  launch "$@" &
  pid=$!
  # A trapped signal ends `wait` early: wait until the launcher has really gone.
  while kill -0 "$pid" 2>/dev/null; do wait "$pid"; rc=$?; done
  wait "$pid" 2>/dev/null; late=$?
  [ "$late" -eq 127 ] || rc=$late
  pid=""
fi
code=$(cat "$notes/code" 2>/dev/null)
[ -n "$code" ] || code=$rc

# ---- what now ----
requeue() {
  if [ "${SLURM_RESTART_COUNT:-0}" -ge "${CLV_RESTARTS:-100}" ]; then
    say "$1, but it was restarted $SLURM_RESTART_COUNT times already (CLV_RESTARTS): giving up"
    leave "$code"
  fi
  say "$1; asking Slurm to run it again"
  # From here on a TERM, of the requeue or of scancel, simply ends this script; a second warning does nothing.
  trap '' USR1 USR2
  trap - TERM
  [ "$terminated" = no ] || { say "got TERM: left to Slurm"; exit "$code"; }
  local try answer
  for try in $(seq 120); do
    if answer=$(scontrol requeue "$task" 2>&1); then
      # Slurm ends this script soon. To leave before that would complete the job instead.
      while :; do sleep 60; done
    fi
    case $answer in *disabled*) say "it was submitted with --no-requeue: submit it again, it goes on from there"; leave "$code" ;; esac
    [ "$try" -gt 1 ] || say "slurmctld did not take the requeue; trying for ten minutes"
    sleep 5
  done
  say "slurmctld did not take the requeue in ten minutes: run 'scontrol requeue $task', or submit again"
  leave "$code"
}

if [ "$terminated" = yes ]; then
  say "got TERM (cancelled, preempted or requeued by Slurm): code $code, not requeued by this script"
  exit "$code"
fi
if [ "$code" -eq "${CLV_ACCEPT:-0}" ] && [ "$code" -ne 0 ]; then
  say "clv $1 ended with exit code $code, which counts as success in this chain"
  leave 0
fi
if [ "$code" -eq 75 ]; then
  rm -f "$notes/failures"
  requeue "interrupted, state saved"
elif [ "$code" -gt 64 ]; then
  failures=$(($(cat "$notes/failures" 2>/dev/null || echo 0) + 1))
  if [ "$failures" -gt "${CLV_RETRIES:-10}" ]; then
    say "the launcher ended with $code, the ${failures}th time in a row (CLV_RETRIES): giving up"
    leave "$code"
  fi
  echo "$failures" >"$notes/failures"
  requeue "the launcher ended with $code (a lost node, a rank that was killed, or a crash)"
fi
[ "$code" -eq 0 ] || say "clv $1 ended with exit code $code; not tried again"
leave "$code"

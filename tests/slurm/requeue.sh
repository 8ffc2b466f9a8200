#!/bin/bash
# `scontrol requeue` in the middle of a refit, under srun and under mpirun: it goes on from its checkpoint to the same bits.
. "$CLV_TESTS/slurm/common.sh"
cluster_start
slow
declare -A job
for launcher in srun mpirun; do job[$launcher]=$(CLV_LAUNCHER=$launcher batch refit "$work/$launcher" --nodes=2 --ntasks=2 --ntasks-per-node=1) || fail "sbatch refused"; done
for launcher in srun mpirun; do
  await 120 "$launcher to sample" is_sampling "$work/$launcher"
  scontrol requeue "${job[$launcher]}" || fail "scontrol requeue"
done
for launcher in srun mpirun; do await 120 "the refit to go on under $launcher" has_resumed "${job[$launcher]}"; done
fast
for launcher in srun mpirun; do
  completes "${job[$launcher]}"
  says "${job[$launcher]}" "got TERM"
  same "${job[$launcher]}" "$work/$launcher"
  [ "$(restarts "${job[$launcher]}")" = 1 ] || fail "$launcher: restarted $(restarts "${job[$launcher]}") times, not once"
done
exit 0

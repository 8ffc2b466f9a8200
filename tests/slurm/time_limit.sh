#!/bin/bash
# A time limit shorter than the refit: the warning comes as USR1 to the batch shell alone, the state is saved, the job asks to run again, and ends
# with the same bits. One job under srun, one under mpirun. Slurm's shortest limit is a minute, so the refit is made to take longer.
CLV_TEST_SLOW_MS=1500
. "$CLV_TESTS/slurm/common.sh"
cluster_start
slow
declare -A job
for launcher in srun mpirun; do
  job[$launcher]=$(CLV_LAUNCHER=$launcher batch refit "$work/$launcher" --nodes=2 --ntasks=2 --ntasks-per-node=1 --time=1 --signal=B:USR1@30) || fail "sbatch refused"
done
for launcher in srun mpirun; do await 240 "the refit to go on under $launcher" has_resumed "${job[$launcher]}"; done
fast
for launcher in srun mpirun; do
  completes "${job[$launcher]}"
  says "${job[$launcher]}" "interrupted, state saved; asking Slurm to run it again"
  same "${job[$launcher]}" "$work/$launcher"
done
exit 0

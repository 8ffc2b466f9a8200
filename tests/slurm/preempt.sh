#!/bin/bash
# A job of the Spot partition makes room for one of higher rank, and ends with the same bits afterwards. Once with the user's signal during the
# grace time (the script gets USR1 first), once without a grace time, with TERM alone.
. "$CLV_TESTS/slurm/common.sh"
cluster_start
slow
declare -A job
job[srun]=$(CLV_LAUNCHER=srun batch refit "$work/srun" --partition=spot --nodes=1 --ntasks=2 --signal=B:USR1) || fail "sbatch refused"
job[mpirun]=$(CLV_LAUNCHER=mpirun batch refit "$work/mpirun" --partition=now --nodes=1 --ntasks=2) || fail "sbatch refused"
for launcher in srun mpirun; do await 120 "$launcher to sample" is_sampling "$work/$launcher"; done
urgent=$(sbatch --parsable --partition=batch --nodes=2 --exclusive --output=/dev/null --wrap="sleep 1") || fail "sbatch of the urgent job"
completes "$urgent" 120
for launcher in srun mpirun; do await 120 "the refit to go on under $launcher" has_resumed "${job[$launcher]}"; done
says "${job[srun]}" "interrupted, state saved; asking Slurm"
says "${job[mpirun]}" "got TERM"
fast
for launcher in srun mpirun; do
  completes "${job[$launcher]}"
  same "${job[$launcher]}" "$work/$launcher"
done
exit 0

#!/bin/bash
# A refit on two nodes under srun and under mpirun: done, with the bits of one process without Slurm.
. "$CLV_TESTS/slurm/common.sh"
cluster_start
for launcher in srun mpirun; do
  export CLV_LAUNCHER=$launcher
  job=$(batch refit "$work/$launcher" --nodes=2 --ntasks=4 --ntasks-per-node=2) || fail "sbatch refused"
  completes "$job"
  says "$job" "on 4 ranks"
  same "$job" "$work/$launcher"
done
[ -z "$(find "$work" -maxdepth 1 -name '.clv-*')" ] || fail "notes of finished jobs remain"
exit 0

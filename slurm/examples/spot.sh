#!/bin/sh
# A refit on Spot machines, which may go without notice: a checkpoint every half minute bounds what is lost with a node, and mpirun notices a lost node
# within seconds where srun waits for SlurmdTimeout.
set -eu
clv_slurm=$(cd "$(dirname "$0")/.." && pwd)
"$clv_slurm/submit.sh" --spot --launcher mpirun refit "${1:-shop.yaml}" --set sampler.checkpoint_every=30s

#!/bin/sh
# A refit on demand, under srun, in a partition of nodes that are not taken away; and the same under mpirun.
# Run on a login node, in a folder that all nodes see.
set -eu
clv_slurm=$(cd "$(dirname "$0")/.." && pwd)
"$clv_slurm/submit.sh" --partition "${1:-batch}" --launcher srun --mpi pmix refit "${2:-shop.yaml}"
# "$clv_slurm/submit.sh" --partition "${1:-batch}" --launcher mpirun refit "${2:-shop.yaml}"

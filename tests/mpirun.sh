#!/bin/sh
# mpirun.sh RANKS COMMAND...: run a test on RANKS ranks of this machine. Being root, oversubscription and the absence of binding
# are matters of the test machine, so they are set here and never in the product.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_btl_vader_single_copy_mechanism=none
export OMPI_MCA_btl=self,vader OMPI_MCA_plm_rsh_agent=
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
ranks=$1
shift
exec mpirun --oversubscribe --quiet -np "$ranks" "$@"

#!/bin/sh
# For Epilog= in slurm.conf, on nodes where jobs start with srun --mpi=pmix: a step that was killed leaves its PMIx folder behind, and the
# requeued job, which has the same number, then fails to start on that node. Removes this job's folders only.
[ -n "${SLURM_JOB_ID:-}" ] || exit 0
tmpfs=$(scontrol show config 2>/dev/null | sed -n 's/^TmpFS *= *//p')
node=${SLURMD_NODENAME:-$(hostname -s)}
tmpfs=$(echo "${tmpfs:-/tmp}" | sed "s/%n/$node/g; s/%h/$(hostname -s)/g")
rm -rf "${tmpfs:?}"/spmix_appdir_*_"$SLURM_JOB_ID".* "${tmpfs:?}"/spmix_appdir_"$SLURM_JOB_ID".*
exit 0

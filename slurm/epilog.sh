#!/bin/sh
# For Epilog= in slurm.conf, on nodes where jobs start with srun --mpi=pmix: a step that was killed leaves PMIx's folders and its socket behind, and the
# requeued job, which has the same number, then fails to start on that node. Removes this job's only.
[ -n "${SLURM_JOB_ID:-}" ] || exit 0
node=${SLURMD_NODENAME:-$(hostname -s)}
configured() { scontrol show config 2>/dev/null | sed -n "s/^$1 *= *//p" | sed "s/%n/$node/g; s/%h/$(hostname -s)/g"; }
tmpfs=$(configured TmpFS) spool=$(configured SlurmdSpoolDir)
tmpfs=${tmpfs:-/tmp}
rm -rf "${tmpfs:?}"/spmix_appdir_*_"$SLURM_JOB_ID".* "${tmpfs:?}"/spmix_appdir_"$SLURM_JOB_ID".*
[ -z "$spool" ] || rm -rf "${spool:?}/stepd.slurm.pmix.$SLURM_JOB_ID."* "${spool:?}/pmix.$SLURM_JOB_ID."*
exit 0

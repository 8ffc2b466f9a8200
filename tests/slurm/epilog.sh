#!/bin/bash
# slurm/epilog.sh: a step under srun --mpi=pmix that is killed leaves PMIx's folders and socket on the node. The epilog removes those of its job and no others, and the job, which is
# requeued under the same number, starts again on that node and ends with the same bits.
LAB_NODES=1
export LAB_NODES
. "$CLV_TESTS/slurm/common.sh"
node=$LAB_DIR/tmp/n1
# Slurm calls this one: it notes what is there before and after the other
cat >"$work/epilog" <<E
#!/bin/sh
look() { echo "\$SLURM_JOB_ID \$1:" \$(ls "$node") >>"$work/epilog.seen"; }
look before
"$CLV_HOME/slurm/epilog.sh"
look after
E
chmod 755 "$work/epilog"
export LAB_EPILOG=$work/epilog
cluster_start
slow
job=$(CLV_LAUNCHER=srun batch refit "$work/srun" --ntasks=2) || fail "sbatch refused"
await 120 "the refit to sample" is_sampling "$work/srun"
mkdir "$node/spmix_appdir_0_99999.0" "$node/spmix_appdir_99999.0" # of another job
launcher=$(pgrep -f "^srun --mpi=pmix.*output.directory=$work/srun") || fail "no launcher"
# By what they work on, for a cluster beside this one has a job of the same number. A rank that survives would go on computing into the run's directory: without cgroups nobody
# ends it here.
ranks=$(pgrep -x clv | while read -r p; do tr '\0' ' ' <"/proc/$p/cmdline" | grep -q "output.directory=$work/srun" && echo "$p"; done | tr '\n' ' ')
step=$(ps -o ppid= -p "${ranks%% *}" | tr -d ' ')
[ "$(cat "/proc/$step/comm")" = slurmstepd ] || fail "no daemon of the step: ranks $ranks, above them '$step'"
# shellcheck disable=SC2086
kill -KILL $step $launcher $ranks # and nobody tidies up
await 150 "the refit to go on" has_resumed "$job"
fast
completes "$job" 200
same "$job" "$work/srun"
grep -q "^$job before:.*spmix_appdir_[0-9_]*$job\." "$work/epilog.seen" || fail "the killed step left nothing: $(cat "$work/epilog.seen")"
! grep -q "^$job after:.*spmix_appdir_[0-9_]*$job\." "$work/epilog.seen" || fail "left behind: $(cat "$work/epilog.seen")"
[ -d "$node/spmix_appdir_0_99999.0" ] && [ -d "$node/spmix_appdir_99999.0" ] || fail "another job's folder was removed"
exit 0

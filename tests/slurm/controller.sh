#!/bin/bash
# slurmctld goes away and comes back. A job in the middle of its work does not notice; one that wants to run again asks until it is heard.
CLV_TEST_SLOW_MS=500
LAB_MESSAGE_TIMEOUT=10 # so long does who asks a controller that is away try
export LAB_MESSAGE_TIMEOUT
. "$CLV_TESTS/slurm/common.sh"
cluster_start
slow
declare -A job
for which in calm asking; do job[$which]=$(batch refit "$work/$which" --nodes=2 --ntasks=2 --ntasks-per-node=1) || fail "sbatch refused"; done
for which in calm asking; do await 120 "$which to sample" is_sampling "$work/$which"; done
# What the controller has not written yet it forgets: it saves a change within seconds, so make one.
touch "$work/sampling"
for which in calm asking; do scontrol update JobId="${job[$which]}" Comment=sampling || fail "scontrol update"; done
is_saved() { [ "$LAB_DIR/state/job_state" -nt "$work/sampling" ]; }
await 60 "the controller to save its state" is_saved
log=$(log_of "${job[asking]}")
# By its directory, for a cluster beside this one has a job of the same number
script=$(pgrep -f "slurm/job.sh refit .*output.directory=$work/asking" | head -n 1)
[ -n "$script" ] || fail "the batch script is not to be found"
"$lab" controller-kill || fail "controller-kill"
kill -USR1 "$script"
await 60 "the script to ask" grep -q "slurmctld did not take the requeue; trying" "$log"
"$lab" controller-up || fail "controller-up"
await 120 "the refit to go on" has_resumed "${job[asking]}"
fast
for which in calm asking; do completes "${job[$which]}"; same "${job[$which]}" "$work/$which"; done
[ "$(restarts "${job[calm]}")" = 0 ] || fail "the calm job was restarted"
exit 0

#!/bin/bash
# A node goes away with everything on it. Under mpirun the launcher ends with a code above 64 and the script asks to run again; under srun the job
# waits until Slurm gives the node up and requeues it. Both end with the same bits on other nodes.
# Ranks whose partner is gone wait for it until KILL; a lost node answers nobody.
LAB_NODES=4 LAB_NODE_TIMEOUT=20 LAB_KILL_WAIT=12 LAB_MESSAGE_TIMEOUT=10
export LAB_NODES LAB_NODE_TIMEOUT LAB_KILL_WAIT LAB_MESSAGE_TIMEOUT
. "$CLV_TESTS/slurm/common.sh"
cluster_start
slow
declare -A job
for launcher in srun mpirun; do job[$launcher]=$(CLV_LAUNCHER=$launcher batch refit "$work/$launcher" --nodes=2 --exclusive --ntasks=2 --ntasks-per-node=1) || fail "sbatch refused"; done
for launcher in srun mpirun; do await 120 "$launcher to sample" is_sampling "$work/$launcher"; done
for launcher in srun mpirun; do # the script runs on the first of its nodes; lose the other
  "$lab" lose "$(scontrol show hostnames "$(field "${job[$launcher]}" NodeList)" | sed -n 2p)" || fail "lose"
done
# The nodes that are left hold one of the two at a time. What is left of the first runs does not reach its end: it lacks ranks.
for launcher in srun mpirun; do await 150 "$launcher to be requeued" has_restarted "${job[$launcher]}"; done
fast
for launcher in srun mpirun; do
  completes "${job[$launcher]}"
  says "${job[$launcher]}" "fit: going on after"
  same "${job[$launcher]}" "$work/$launcher"
done
says "${job[mpirun]}" "the launcher ended with"
exit 0

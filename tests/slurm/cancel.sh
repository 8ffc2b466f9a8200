#!/bin/bash
# A cancelled job stays cancelled: scancel sends the same TERM as a requeue, the ranks save their state and end, and the script must not ask to
# run again. Without its rule about TERM it would. Submitted again, the same bits come out.
. "$CLV_TESTS/slurm/common.sh"
cluster_start
slow
declare -A job
for launcher in srun mpirun; do job[$launcher]=$(CLV_LAUNCHER=$launcher batch refit "$work/$launcher" --nodes=2 --ntasks=2 --ntasks-per-node=1) || fail "sbatch refused"; done
for launcher in srun mpirun; do
  await 120 "$launcher to sample" is_sampling "$work/$launcher"
  scancel "${job[$launcher]}" || fail "scancel"
done
is_quiet() { [ -z "$(squeue -h -t all -j "$1" -o %T | grep -vE 'CANCELLED')" ]; }
for launcher in srun mpirun; do
  await 120 "${job[$launcher]} to be cancelled" is "${job[$launcher]}" CANCELLED
  # The script outlives its ranks a little: when its last line is there, it has decided.
  await 60 "the script's last word" grep -q "got TERM (cancelled\|asking Slurm" "$(log_of "${job[$launcher]}")"
  ! grep -q "asking Slurm" "$(log_of "${job[$launcher]}")" || fail "a cancelled script asked to run again"
done
# A job that asked for a requeue would be pending or running again by now: requeued ones are held for 5 s.
sleep 8
for launcher in srun mpirun; do is_quiet "${job[$launcher]}" && [ "$(restarts "${job[$launcher]}")" = 0 ] || fail "a cancelled job came back"; done
fast
for launcher in srun mpirun; do
  again=$(CLV_LAUNCHER=$launcher batch refit "$work/$launcher" --nodes=2 --ntasks=4 --ntasks-per-node=2) || fail "sbatch refused"
  completes "$again"
  says "$again" "fit: going on after"
  same "$again" "$work/$launcher"
done
exit 0

#!/bin/sh
# leave.sh FAULT PROGRAM: run the fault and compare exit code and words with what is promised.
fault=$1 program=$2
mpirun=$CLV_TESTS/mpirun.sh
fail() { printf '%s: %s\n%s\n' "$fault" "$1" "$said" >&2; exit 1; }
count() { printf '%s\n' "$said" | grep -c "$1"; }
case $fault in
  check) # our own mistake ends all ranks, and says where
    said=$("$mpirun" 3 "$program" check 2>&1); code=$?
    [ $code -ne 0 ] || fail "exit code 0"
    [ "$(count 'leave.c:[0-9]*: check failed: rank != 1')" -eq 1 ] || fail "the place is not named once" ;;
  early) # one rank's bad line: all leave with its code, one sentence, nothing from MPI but its launcher
    said=$("$mpirun" 4 "$program" early 2>&1); code=$?
    [ $code -eq 3 ] || fail "exit code $code, not 3"
    [ "$(count 'clv: line 12: no date; give one')" -eq 1 ] || fail "not one sentence" ;;
  alone) # without a launcher, and without a word
    said=$("$program" alone 2>&1); code=$?
    [ $code -eq 0 ] || fail "exit code $code"
    [ -z "$said" ] || fail "not silent" ;;
  launcher) # a launcher that started three processes which MPI cannot see
    for variable in SLURM_STEP_NUM_TASKS PMI_SIZE; do
      said=$(env -u OMPI_COMM_WORLD_SIZE $variable=3 "$program" alone 2>&1); code=$?
      [ $code -eq 2 ] || fail "exit code $code, not 2"
      [ "$(count "clv: $variable says that 3 processes")" -eq 1 ] || fail "not one sentence"
    done
    # Slurm's variable speaks of mpirun's daemons when mpirun is the launcher
    said=$(SLURM_STEP_NUM_TASKS=3 "$mpirun" 1 "$program" alone 2>&1) || fail "mpirun -np 1 inside a step was refused" ;;
  operation)
    said=$("$mpirun" 3 "$program" operation 2>&1) && fail "exit code 0"
    [ "$(count 'rank 0 is in clv_comm_sum_i64 (3), rank 1 of 3 in clv_comm_max_i64 (3)')" -eq 1 ] || fail "not named" ;;
  length)
    said=$("$mpirun" 3 "$program" length 2>&1) && fail "exit code 0"
    [ "$(count 'rank 0 is in clv_comm_sum_i64 (3), rank 2 of 3 in clv_comm_sum_i64 (2)')" -eq 1 ] || fail "not named" ;;
  root)
    said=$("$mpirun" 2 "$program" root 2>&1) && fail "exit code 0"
    [ "$(count 'rank 0 is in clv_comm_broadcast (8), rank 1 of 2 in clv_comm_broadcast')" -eq 1 ] || fail "not named" ;;
  quit) # a rank that leaves without agreement meets the others at the door
    said=$("$mpirun" 3 "$program" quit 2>&1) && fail "exit code 0"
    [ "$(count 'rank 0 is in clv_comm_barrier (0), rank 1 of 3 in clv_comm_free (0)')" -eq 1 ] || fail "not named" ;;
  *) fail "no such fault" ;;
esac
exit 0

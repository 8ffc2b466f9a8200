#!/bin/bash
# Scheduled refits: two lines that submit, the second not before some seconds and never beside the first (singleton), with a warm start from the
# first's run. It is requeued in the middle, and ends with the bits of a warm refit that nobody disturbed.
. "$CLV_TESTS/slurm/common.sh"
plain refit "$work/warm" --set sampler.warm_start="$work/whole/example" || fail "the undisturbed warm refit"
cold=$whole
whole=$(results "$work/warm")
[ "$whole" != "$cold" ] || fail "a warm start changes nothing: this test cannot see one"
cluster_start
submit() { # DIRECTORY OPTION... -- ARGUMENT...
  local dir=$1 options=(); shift
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  shift
  # shellcheck disable=SC2086
  "$CLV_HOME/slurm/submit.sh" "${options[@]}" refit "$work/data/clv.yaml" --set output.directory="$dir" $settings "$@" >"$work/submit.log" 2>&1 || fail "submit.sh"
  sed -n 's/^submitted: job \([0-9]*\),.*/\1/p' "$work/submit.log"
}
slow
first=$(submit "$work/first" --singleton --) || exit 1
second=$(submit "$work/second" --singleton --begin now+3 -- --set sampler.warm_start="$work/first/example") || exit 1
await 120 "the first to sample" is_sampling "$work/first"
waits_for_first() { [ "$(squeue -h -j "$second" -o %r)" = Dependency ]; }
await 60 "the second's time to come, and the second to wait for the first" waits_for_first
# Held until it is slow: else it might be done before it is requeued.
scontrol hold "$second" || fail "scontrol hold"
fast
completes "$first"
[ "$(results "$work/first")" = "$cold" ] || fail "the first refit has other bits"
slow
scontrol release "$second" || fail "scontrol release"
await 120 "the second to sample" is_sampling "$work/second"
scontrol requeue "$second" || fail "scontrol requeue"
await 120 "the refit to go on" has_resumed "$second"
fast
completes "$second"
same "$second" "$work/second"
[ ! "$(field "$second" StartTime)" \< "$(field "$first" EndTime)" ] || fail "the second ran beside the first"
exit 0

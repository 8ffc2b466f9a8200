#!/bin/bash
# inject.sh LIBRARY [FIRST [LAST]]: seeded faults inside clv fit and clv predict. Seed by seed one fault (what, when, how often, on which rank; faults.c
# lists the kinds), then: a documented exit code, one sentence, no hang, a trace that opens, and the same command without the fault ends with
# the draws and the predictions of an undisturbed run. Prints what each seed did and what the user saw.
set -u
library=$1 first=${2:-0} last=${3:-17}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mpi="$CLV_TESTS/mpirun.sh" yaml=$work/data/clv.yaml
fail() { echo "seed $seed ($fault, $job, $ranks ranks): $1"; tail -n 20 "$work/log"; exit 1; }
seed=none fault=none job=none ranks=0
"$CLV" simulate --customers 2000 --seed 3 --output "$work/data" --quiet >"$work/log" 2>&1 || fail "simulate"
settings="--set sampler.num_warmup=80 --set sampler.num_samples=100 --set sampler.checkpoint_every=0.01s --set diagnostics.min_ess=1 --set diagnostics.max_rhat=9 --set predict.draws=40"
clv() { "$mpi" "$ranks" "$CLV" "$@" "$yaml" $settings --set output.directory="$dir" --quiet >"$work/log" 2>&1; }
draws_of() { "$CLV" diagnose "$yaml" $settings --set output.directory="$1" --quiet 2>&1 | sed -n 's/^draws sha256 //p'; }
table_of() { sha256sum <"$1/example/predictions.csv"; }
ranks=1 dir=$work/whole
for job in prepare fit predict; do clv $job || fail "undisturbed"; done
draws=$(draws_of "$dir") table=$(table_of "$dir")
[ -n "$draws" ] || fail "no digest"

kinds=(full quota device readonly vanished slow memory clock mpi)
# what a sentence says of a fault that stays
words=("disk is full" "quota is used up" "Input/output error" "Read-only file system" "No such file or directory" . "memory were refused" . .)
reach=(60 60 60 12 12 40 400 400 200) # calls of that kind that a run makes, about
for seed in $(seq "$first" "$last"); do
  RANDOM=$((seed + 1))
  k=$((seed % ${#kinds[@]})) ranks=$((RANDOM % 2 + 1)) job=fit
  [ $((seed / ${#kinds[@]} % 2)) = 0 ] || job=predict
  count=1; [ $((RANDOM % 2)) = 0 ] || count=1000000
  fault=${kinds[$k]}:$((RANDOM % reach[k])):$count
  [ $((RANDOM % 2)) = 0 ] || fault=$fault:$((RANDOM % ranks))
  dir=$work/run; rm -rf "$dir"; cp -r "$work/whole" "$dir"; rm -f "$dir"/example/predictions.*
  [ $job = predict ] || rm -rf "$dir/example/trace.nc" "$dir/example/checkpoint"
  timeout 900 "$mpi" $ranks env LD_PRELOAD="$library" CLV_FAULTS=$fault CLV_FAULTS_UNDER="$dir/example" \
    "$CLV" $job "$yaml" $settings --set output.directory="$dir" --quiet >"$work/log" 2>&1
  rc=$?
  said=$(grep '^clv: ' "$work/log" | sed "s|$work||g")
  [ $rc -ne 124 ] || fail "it hangs"
  case $rc in
    0) [ -z "$said" ] || fail "done, and yet: $said" ;;
    1 | 2 | 3 | 75) [ "${kinds[$k]}" = mpi ] || [ "$(grep -c '^clv: ' "$work/log")" -eq 1 ] || fail "exit code $rc and not one sentence"
      [ $count = 1 ] || [ "${kinds[$k]}" = mpi ] || echo "$said" | grep -q "${words[$k]}" || fail "the sentence is not about '${kinds[$k]}'" ;;
    *) [ "${kinds[$k]}" = mpi ] || fail "exit code $rc" ;;
  esac
  if [ -f "$dir/example/trace.nc" ]; then
    "$CLV" diagnose "$yaml" $settings --set output.directory="$dir" --quiet >"$work/log" 2>&1; opened=$?
    [ $opened -eq 0 ] || [ $opened -eq 4 ] || grep -q "draw" "$work/log" || fail "the trace does not open (exit code $opened)"
  fi
  ranks=$((RANDOM % 2 + 1))
  clv $job || fail "the same command without the fault: exit code $?"
  [ "$(draws_of "$dir")" = "$draws" ] || fail "other draws afterwards"
  [ $job = fit ] || [ "$(table_of "$dir")" = "$table" ] || fail "other predictions afterwards"
  echo "seed $seed: $job, $fault: exit code $rc${said:+, $said}"
done
exit 0

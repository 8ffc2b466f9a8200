#!/bin/bash
# clv stage to a directory: whole or not at all, with the hashes of the manifest; what is not a staged run is never touched.
set -u
work=$(mktemp -d); trap 'umount "$work/small" 2>/dev/null; rm -rf "$work"' EXIT
fail() { echo "FAILED: $1"; cat "$work/err"; exit 1; }
. "$CLV_TESTS/interrupt/interrupt.sh"
"$CLV" simulate --customers 300 --seed 3 --output "$work/data" --quiet >/dev/null || exit 1
out=$work/out target=$work/out/example run=$work/runs/example
clv() { # RANKS JOB ARGUMENT...
  local ranks=$1 job=$2 how=""; shift 2
  [ "$ranks" -eq 1 ] || how="$CLV_TESTS/mpirun.sh $ranks"
  # shellcheck disable=SC2086
  $how "$CLV" "$job" "$work/data/clv.yaml" --quiet --set output.directory="$work/runs" --set sampler.num_warmup=100 --set sampler.num_samples=60 \
    --set diagnostics.min_ess=1 --set diagnostics.max_rhat=9 --set predict.draws=20 --set stage.destination="$out" "$@" >"$work/std" 2>"$work/err"
}
refused() { # CODE TEXT ARGUMENT...: at 1 and 3 ranks, one sentence, and what was staged is as it was
  local code=$1 text=$2 ranks rc before; shift 2
  before=$(cat "$target"/* 2>/dev/null | sha256sum)
  for ranks in 1 3; do
    clv $ranks stage "$@"; rc=$?
    [ $rc -eq "$code" ] && [ "$(grep -c '^clv: ' "$work/err")" -eq 1 ] || fail "exit $rc, not $code with one sentence, at $ranks ranks: $text"
    grep -qF -- "$text" "$work/err" || fail "no '$text' at $ranks ranks"
    [ -z "$(find "$out" -name '.example.*' ! -name .example.lock 2>/dev/null)" ] || fail "something half-copied remains: $text"
  done
  [ "$(cat "$target"/* 2>/dev/null | sha256sum)" = "$before" ] || fail "what was staged changed: $text"
}
# Every file is what the staged manifest says, and nothing else is there.
verify() {
  local n
  tr -d '\n' <"$target/manifest.json" | sed 's/.*"staged"//' | grep -o '"path": "[^"]*",[^}]*' |
    sed 's/"path": "\([^"]*\)".*"sha256": "\([^"]*\)".*/\2  \1/' >"$work/sums"
  (cd "$target" && sha256sum --quiet -c "$work/sums" >&2) || fail "a hash differs"
  n=$(wc -l <"$work/sums")
  [ "$n" -gt 5 ] && [ "$(find "$target" -type f | wc -l)" -eq $((n + 1)) ] || fail "not the files of the manifest"
  cmp -s "$run/predictions.csv" "$target/predictions.csv" || fail "other predictions"
}

refused 3 "run clv refit first"
clv 2 refit || fail "refit"
verify
# refit knows that it is done; a copy that was changed or removed is made again; a changed result takes the old set's place
"$CLV" refit "$work/data/clv.yaml" --set output.directory="$work/runs" --set sampler.num_warmup=100 --set sampler.num_samples=60 \
  --set diagnostics.min_ess=1 --set diagnostics.max_rhat=9 --set predict.draws=20 --set stage.destination="$out" >/dev/null 2>"$work/err" || fail "refit again"
grep -q "stage: done before" "$work/err" || fail "staged twice for nothing"
rm "$target/trace.nc"; clv 1 refit || fail "refit after a copy was removed"; verify
clv 1 stage --set stage.destination="file://$out" || fail "file:///"
clv 1 predict --set predict.horizon=7 && clv 1 evaluate --set predict.horizon=7 && clv 3 stage || fail "another horizon"; verify

# a kill in the middle leaves what was there; the next call cleans up
sleep 0.01; before=$(cat "$target"/* | sha256sum)
cp -r "$work/runs" "$work/other"
hold "$out/.example.part/predictions.csv"
slowly $STANDS "$CLV" stage "$work/data/clv.yaml" --quiet --set output.directory="$work/runs" --set stage.destination="$out" 2>"$work/err" &
pid=$!
is_copying() { [ -n "$(find "$out/.example.part" -type f -size +0 2>/dev/null)" ]; }
await "a copy" is_copying
clv 1 stage --set output.directory="$work/other"; [ $? -eq 2 ] && grep -q "another clv stages" "$work/err" || fail "two run directories staged to one place at once"
is_copying || fail "the one that was refused took the other's copies away"
kill -KILL $pid; wait $pid 2>/dev/null
[ "$(cat "$target"/* | sha256sum)" = "$before" ] || fail "a killed stage changed what was there"
release; clv 1 stage || fail "stage after a kill"; verify

# not converged: staged, and said
clv 1 diagnose --set diagnostics.min_ess=100000
clv 1 stage --set diagnostics.min_ess=100000; [ $? -eq 4 ] || fail "not converged is not said"
verify
clv 1 diagnose || fail "diagnose"

# places and destinations that are none
refused 2 "does not upload" --set stage.destination=gs://bucket/prefix
refused 2 "may be a directory" --set stage.destination=s3://bucket
refused 2 "not set" --set stage.destination=null
refused 2 "the run directory" --set stage.destination="$work/runs"
for ranks in 1 3; do clv $ranks refit --set stage.destination=gs://bucket/prefix --fresh; [ $? -eq 2 ] || fail "refit began for gs://"; done
mkdir -p "$work/mine/example"; echo dear >"$work/mine/example/letter"
refused 2 "was not staged by clv" --set stage.destination="$work/mine"
[ "$(cat "$work/mine/example/letter")" = dear ] || fail "a user's directory was touched"
: >"$work/file"
refused 2 "$work/file" --set stage.destination="$work/file"

# results that do not belong together, or were changed
cp "$run/predictions.csv" "$work/keep.csv"; echo x >>"$run/predictions.csv"
refused 3 "is not the file that manifest.json records"
cp "$work/keep.csv" "$run/predictions.csv"
clv 1 fit --set sampler.seed=5 || fail "another fit"
refused 3 "with another trace.nc"
clv 1 refit --set sampler.seed=5 || fail "refit with the other fit"; verify

# a full disk
mkdir "$work/small"
if mount -t tmpfs -o size=128k tmpfs "$work/small" 2>/dev/null; then
  clv 1 stage --set stage.destination="$work/small" --set sampler.seed=5; rc=$?
  [ $rc -eq 1 ] && grep -q "the disk is full" "$work/err" && [ ! -e "$work/small/example" ] || fail "full disk: exit $rc"
else
  echo "no tmpfs can be mounted here: the full disk is left out"
fi
exit 0

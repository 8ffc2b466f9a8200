#!/bin/sh
# run.sh BUILD SECONDS: run every fuzzer of BUILD for SECONDS, two at a time, each from its seed corpus. Fails on the first finding,
# and leaves the input that showed it in BUILD/findings.
set -eu
build=$1 seconds=$2
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$build/findings"
fail=0
fuzz_one() { # program
  name=$(basename "$1"); area=$(basename "$(dirname "$1")")
  corpus=$(mktemp -d)
  seeds="$here/$area/corpus"; [ -d "$here/$area/corpus/$name" ] && seeds="$here/$area/corpus/$name"
  cp -r "$seeds/." "$corpus/" 2>/dev/null || true
  if "$1" -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=4096 -timeout=25 -print_final_stats=1 \
      -artifact_prefix="$build/findings/$name-" "$corpus" >"$build/findings/$name.log" 2>&1; then
    echo "$name: $(grep -o 'number_of_executed_units: [0-9]*' "$build/findings/$name.log" | cut -d' ' -f2) inputs in $seconds s, no finding"
  else
    echo "$name: FINDING, see $build/findings/$name.log"; rm -rf "$corpus"; return 1
  fi
  rm -rf "$corpus"
}
programs=$(find "$build/tests/fuzz" -type f -name 'fuzz_*' -perm -u+x | sort)
[ -n "$programs" ] || { echo "run: no fuzzers in $build"; exit 1; }
pids=""; running=0
for p in $programs; do
  fuzz_one "$p" & pids="$pids $!"; running=$((running + 1))
  if [ $((running % 2)) -eq 0 ]; then
    for pid in $pids; do wait "$pid" || fail=1; done; pids=""
  fi
done
for pid in $pids; do wait "$pid" || fail=1; done
exit $fail

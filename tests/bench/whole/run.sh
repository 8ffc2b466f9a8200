#!/bin/bash
# run.sh CLV CUSTOMERS|CONFIG [RANKS...]: seconds and peak memory (of the largest process) of every step on a simulated portfolio,
# or on the data of a configuration, by hand:
#   tests/bench/whole/run.sh build/release/jobs/clv 1000000 1 2
# Writes Markdown tables to stdout. Needs GNU time (package time) and h5dump (package hdf5-tools). The log is made once, by two
# ranks; CLV_BENCH_SIMULATE holds more options for that (--r 0.75), CLV_BENCH_DIR a folder to keep.
set -eu
clv=$(realpath "$1") customers=$2
shift 2
[ $# -gt 0 ] || set -- 1 2
here=$(cd "$(dirname "$0")/../.." && pwd)
work=${CLV_BENCH_DIR:-$(mktemp -d)}
mkdir -p "$work"
timed() { # ranks job args...
  local ranks=$1; shift
  rm -f "$work/time.$$" "$work/time.$$.out"
  # one file per rank: GNU time appends, so the largest is picked afterwards
  "$here/mpirun.sh" "$ranks" sh -c '/usr/bin/time -a -o "$0" -f "%e %M %U" "$@" >>"$0.out" 2>&1' "$work/time.$$" "$clv" "$@" || { rc=$?; [ $rc -eq 4 ] || { cat "$work/time.$$.out"; return $rc; }; }
  awk -v what="$1" -v ranks="$ranks" '{ if ($1 > e) e = $1; if ($2 > m) m = $2; u += $3 } END { printf "| %s | %d | %.1f | %.2f | %.1f |\n", what, ranks, e, m / 1048576, u }' "$work/time.$$"
}
# Of the whole fit, warm-up included: rounds (a gradient of every chain), draws, and effective draws of the worst parameter, per second.
throughput() { # ranks seconds
  local warmup
  warmup=$(h5dump -y -d /constant_data/warmup_gradients "$work"/runs/*/trace.nc | awk '/DATA \{/ { getline; print $1 }')
  sed -n 's/^ *"\(least_ess\|chains\|draws\|gradients\)": \([0-9.]*\),*$/\1 \2/p' "$work"/runs/*/diagnostics.json |
    awk -v ranks="$1" -v s="$2" -v warmup="$warmup" '{ v[$1] = $2 } END { n = v["chains"] * v["draws"]
      printf "| %d | %.0f | %.0f | %.0f | %.1f |\n", ranks, (warmup + v["gradients"]) / v["chains"] / s, n / s, v["least_ess"] / s, v["gradients"] / n }'
}
if [ -f "$customers" ]; then
  config=$customers
  echo "$config"
else
  config=$work/data/clv.yaml
  # shellcheck disable=SC2086
  [ -f "$work/data/truth.json" ] || "$here/mpirun.sh" 2 "$clv" simulate --customers "$customers" --seed 1 --files 2 ${CLV_BENCH_SIMULATE:-} --output "$work/data" --quiet >/dev/null
  echo "$customers customers, $(du -cb "$work"/data/transactions* | tail -1 | cut -f1) bytes of log"
fi
echo
echo "| step | ranks | seconds | GiB, largest rank | CPU seconds, all ranks |"
echo "|---|---|---|---|---|"
for ranks in "$@"; do
  rm -rf "$work/runs"
  for job in prepare fit diagnose predict evaluate; do
    line=$(timed "$ranks" $job "$config" --set output.directory="$work/runs" --quiet)
    echo "$line"
    [ $job != fit ] || seconds=$(echo "$line" | cut -d'|' -f4)
  done
  throughput "$ranks" "$seconds" >>"$work/throughput"
done
echo
echo "| ranks | rounds a second | draws a second | least ESS a second | gradients a draw |"
echo "|---|---|---|---|---|"
cat "$work/throughput"
rm "$work/throughput"
[ -n "${CLV_BENCH_DIR:-}" ] || rm -rf "$work"

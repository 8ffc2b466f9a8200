#!/bin/bash
# run.sh CLV CUSTOMERS [RANKS...]: seconds and peak memory (of the largest process) of every step on a simulated portfolio, by hand:
#   tests/bench/whole/run.sh build/release/jobs/clv 1000000 1 2
# Writes a Markdown table to stdout. Needs GNU time (package time). The log is made once, by two ranks.
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
# Of the whole fit, warm-up included: draws, and effective draws of the worst parameter, per second.
throughput() { # ranks seconds
  sed -n 's/^ *"\(least_ess\|chains\|draws\|gradients\)": \([0-9.]*\),*$/\1 \2/p' "$work"/runs/*/diagnostics.json |
    awk -v ranks="$1" -v s="$2" '{ v[$1] = $2 } END { n = v["chains"] * v["draws"]
      printf "| %d | %.0f | %.0f | %.1f |\n", ranks, n / s, v["least_ess"] / s, v["gradients"] / n }'
}
[ -f "$work/data/truth.json" ] || "$here/mpirun.sh" 2 "$clv" simulate --customers "$customers" --seed 1 --files 2 --output "$work/data" --quiet >/dev/null
echo "$customers customers, $(du -cb "$work"/data/transactions* | tail -1 | cut -f1) bytes of log"
echo
echo "| step | ranks | seconds | GiB, largest rank | CPU seconds, all ranks |"
echo "|---|---|---|---|---|"
for ranks in "$@"; do
  rm -rf "$work/runs"
  for job in prepare fit diagnose predict evaluate; do
    line=$(timed "$ranks" $job "$work/data/clv.yaml" --set output.directory="$work/runs" --quiet)
    echo "$line"
    [ $job != fit ] || seconds=$(echo "$line" | cut -d'|' -f4)
  done
  throughput "$ranks" "$seconds" >>"$work/throughput"
done
echo
echo "| ranks | draws a second | least ESS a second | gradients a draw |"
echo "|---|---|---|---|"
cat "$work/throughput"
rm "$work/throughput"
[ -n "${CLV_BENCH_DIR:-}" ] || rm -rf "$work"

#!/bin/bash
# run.sh CLV CUSTOMERS...: clv plan against what the steps took, on one rank: seconds and memory, as ratios planned / measured. Seconds are those of the processor, for other
# work on the machine is not the step's, and what starting any process makes one wait: the least of three that only start and end.
# Planned twice: from the numbers alone, and from the prepared portfolio. CLV_PLAN_OPTIONS are passed on to clv plan, CLV_BENCH_SETTINGS to every job.
set -eu
clv=$1; shift
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
settings="--set output.directory=$work/runs ${CLV_BENCH_SETTINGS:-}"
echo "| customers | step | seconds | planned from numbers | from portfolio | MiB | planned from numbers | from portfolio |"
echo "|---|---|---|---|---|---|---|---|"
for n in "$@"; do
  rm -rf "$work"/*
  "$clv" simulate --customers "$n" --output "$work/data" --quiet >/dev/null
  yaml=$work/data/clv.yaml
  for k in 1 2 3; do /usr/bin/time -f '%e %U %S' "$clv" version 2>&1 >/dev/null | tail -n 1; done | awk '{ w = $1 - $2 - $3; if (NR == 1 || w < least) least = w } END { print least }' >"$work/wait"
  "$clv" plan "$yaml" $settings --customers "$n" --ranks 1 --json --quiet ${CLV_PLAN_OPTIONS:-} >"$work/numbers.json"
  measured() { # job
    local rc=0
    /usr/bin/time -f '%U %S %M' -o "$work/time.$1" "$clv" "$1" "$yaml" $settings --quiet >/dev/null 2>"$work/err" || rc=$?
    [ $rc = 0 ] || [ $rc = 4 ] || { cat "$work/err"; exit 1; }
  }
  measured prepare
  "$clv" plan "$yaml" $settings --ranks 1 --json --quiet ${CLV_PLAN_OPTIONS:-} >"$work/portfolio.json"
  for job in fit diagnose predict evaluate; do measured $job; done
  python3 - "$work" "$n" <<'P'
import json, sys
work, n = sys.argv[1:]
wait = float(open(f"{work}/wait").read())
plans = [{s["step"]: s for s in json.load(open(f"{work}/{name}.json"))["steps"]} for name in ("numbers", "portfolio")]
for step in plans[0]:
    user, system, kib = (float(x) for x in open(f"{work}/time.{step}").read().split()[-3:])
    seconds, mib = user + system + wait, kib / 1024
    s = [p[step]["seconds"] / seconds for p in plans]
    m = [p[step]["memory_bytes_per_rank"] / 1048576 / mib for p in plans]
    print(f"| {n} | {step} | {seconds:.1f} | {s[0]:.2f} | {s[1]:.2f} | {mib:.0f} | {m[0]:.2f} | {m[1]:.2f} |")
P
done

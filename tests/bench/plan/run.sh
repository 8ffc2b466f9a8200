#!/bin/bash
# run.sh CLV CUSTOMERS...: clv plan against what the steps took, on one rank: seconds and memory, as ratios planned / measured. Three rounds, in each of which plans and steps take turns;
# the median plan divided by the median measurement. Seconds are those of the processor, for other work on the machine is not the step's, and what starting any process makes one wait:
# the least of three that only start and end. Planned twice: from the numbers alone, and from the prepared portfolio. CLV_PLAN_OPTIONS are passed on to clv plan,
# CLV_BENCH_SETTINGS to every job.
set -eu
clv=$1; shift
readonly ROUNDS=3
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
settings="--set output.directory=$work/runs ${CLV_BENCH_SETTINGS:-}"
plan() { # ROUND NAME OPTION...
  local to=$work/$2.$1; shift 2
  # shellcheck disable=SC2086
  "$clv" plan "$yaml" $settings --ranks 1 --json --quiet ${CLV_PLAN_OPTIONS:-} "$@" >"$to"
}
measured() { # ROUND JOB
  local rc=0
  # shellcheck disable=SC2086
  /usr/bin/time -f '%U %S %M' -o "$work/time.$2.$1" "$clv" "$2" "$yaml" $settings --quiet >/dev/null 2>"$work/err" || rc=$?
  [ $rc = 0 ] || [ $rc = 4 ] || { cat "$work/err"; exit 1; }
}
echo "| customers | step | seconds | planned from numbers | from portfolio | MiB | planned from numbers | from portfolio |"
echo "|---|---|---|---|---|---|---|---|"
for n in "$@"; do
  rm -rf "${work:?}"/*
  "$clv" simulate --customers "$n" --output "$work/data" --quiet >/dev/null
  yaml=$work/data/clv.yaml
  for round in $(seq $ROUNDS); do
    rm -rf "$work/runs"
    for k in 1 2 3; do /usr/bin/time -f '%e %U %S' "$clv" version 2>&1 >/dev/null | tail -n 1; done |
      awk '{ w = $1 - $2 - $3; if (NR == 1 || w < least) least = w } END { print least }' >"$work/wait.$round"
    plan "$round" numbers --customers "$n"
    measured "$round" prepare
    plan "$round" portfolio
    for job in fit diagnose predict evaluate; do measured "$round" $job; done
  done
  python3 - "$work" "$n" $ROUNDS <<'P'
import json, sys
from statistics import median
work, n, rounds = sys.argv[1], sys.argv[2], range(1, int(sys.argv[3]) + 1)
plans = {name: [json.load(open(f"{work}/{name}.{k}")) for k in rounds] for name in ("numbers", "portfolio")}
steps = [s["step"] for s in plans["numbers"][0]["steps"]]
took = []
for k in rounds:
    wait, one = float(open(f"{work}/wait.{k}").read()), {}
    for step in steps:
        user, system, kib = (float(x) for x in open(f"{work}/time.{step}.{k}").read().split()[-3:])
        one[step] = (user + system + wait, kib / 1024)
    one["all"] = (sum(s for s, _ in one.values()), max(m for _, m in one.values()))
    took.append(one)
def planned(name, step, key, unit):
    of = lambda plan: plan if step == "all" else next(s for s in plan["steps"] if s["step"] == step)
    return median(of(plan)[key] / unit for plan in plans[name])
for step in steps + ["all"]:
    seconds, mib = (median(one[step][i] for one in took) for i in (0, 1))
    s = [planned(name, step, "seconds", 1.0) / seconds for name in plans]
    m = [planned(name, step, "memory_bytes_per_rank", 1048576.0) / mib for name in plans]
    print(f"| {n} | {step} | {seconds:.1f} | {s[0]:.2f} | {s[1]:.2f} | {mib:.0f} | {m[0]:.2f} | {m[1]:.2f} |", flush=True)
P
done

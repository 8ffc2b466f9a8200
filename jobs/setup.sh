#!/bin/sh
# setup.sh [--tests]: install what clv is built with (Debian, Ubuntu) where it is missing, and build it in build/release.
# Called by jobs/quickstart.sh and tests/run.sh; safe to run again: what is there already is left alone.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)

packages="gcc g++ make cmake ninja-build pkg-config git ca-certificates
  libopenmpi-dev openmpi-bin libhdf5-openmpi-dev libgsl-dev libyaml-dev libjansson-dev libssl-dev zlib1g-dev"
tests=OFF
if [ "${1:-}" = --tests ]; then
  tests=ON
  # Slurm's daemons, for the throw-away clusters of tests/slurm.
  packages="$packages libcmocka-dev hdf5-tools python3 python3-venv procps time slurmctld slurmd slurm-client munge libpmix-dev"
fi

# Only what dpkg does not know is installed, so an unprivileged user on a prepared machine needs no rights at all.
missing=""
for p in $packages; do
  dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
if [ -n "$missing" ]; then
  if ! command -v apt-get >/dev/null; then
    echo "setup: this is not Debian or Ubuntu; install the packages of README.md, 'Other systems', then run this again" >&2
    exit 1
  fi
  sudo=""
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "setup: these packages are missing and there is no sudo:$missing" >&2; exit 1; }
    sudo=sudo
  fi
  echo "setup: installing$missing"
  log=$(mktemp)
  # shellcheck disable=SC2086  # the list is meant to be split
  if ! { $sudo apt-get update -q && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1
  then
    tail -n 20 "$log" >&2
    echo "setup: apt-get failed; the whole log is $log" >&2
    exit 1
  fi
  rm -f "$log"
fi

echo "setup: building in build/release"
log="$here/build/setup.log"
mkdir -p "$here/build"
if ! { cd "$here" && cmake --preset release -DCLV_TESTS=$tests -DCLV_BENCH=$tests ${CLV_SHARED_DATA:+-DCLV_SHARED_DATA="$CLV_SHARED_DATA"} &&
       cmake --build build/release; } >"$log" 2>&1
then
  grep -E 'error|Error|FAILED' "$log" | head -n 20 >&2 || true
  echo "setup: the build failed; the whole log is $log" >&2
  exit 1
fi

#!/bin/sh
# run.sh [WHAT...]: set up this machine (as jobs/quickstart.sh does) and run the tests.
#   all        every test, release build (the default)
#   debug      every test in the debug build, with the handshake of collectives
#   sanitize   every test under the address and undefined-behaviour sanitizers
#   faults [N]  seeded faults inside fit and predict: N seeds (default 90)
#   clang      build with a second compiler, warnings as errors
#   analyze    static analysis of the whole tree (clang-tidy, clang's analyzer)
#   valgrind   memcheck on a one-rank fit
#   emulated   the bits of the AVX-512 kernels, on an emulated machine that has them (Debian)
#   fuzz [S]   each fuzzer for S seconds (default 600)
#   format     check the formatting
# CLV_SHARED_DATA names a folder with public data sets and reference values; tests that need it are skipped without it.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
jobs=$(nproc)

need() { # install packages that only one configuration wants
  missing=""
  for p in "$@"; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
  done
  [ -z "$missing" ] && return 0
  sudo=""; [ "$(id -u)" -eq 0 ] || sudo=sudo
  # shellcheck disable=SC2086
  $sudo apt-get update -q >/dev/null && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >/dev/null
}
configure() { cmake --preset "$1" ${CLV_SHARED_DATA:+-DCLV_SHARED_DATA="$CLV_SHARED_DATA"} >"build/$1.log" && cmake --build "build/$1" >>"build/$1.log" ||
  { grep -E 'error|warning|FAILED' "build/$1.log" | head -n 40; echo "run: building '$1' failed, see build/$1.log"; exit 1; }; }

jobs/setup.sh --tests
[ $# -gt 0 ] || set -- all
while [ $# -gt 0 ]; do
  what=$1; shift
  case $what in
    all) ctest --test-dir build/release -j "$jobs" --output-on-failure ;;
    debug) configure debug; ctest --test-dir build/debug -j "$jobs" --output-on-failure ;;
    sanitize) configure sanitize; ctest --test-dir build/sanitize -j "$jobs" --output-on-failure ;;
    faults) configure faults
      seeds=90; case ${1:-} in [0-9]*) seeds=$1; shift ;; esac
      CLV="$here/build/faults/jobs/clv" CLV_TESTS="$here/tests" tests/faults/inject/inject.sh "$here/build/faults/tests/faults/inject/libclv_faults.so" 0 $((seeds - 1)) ;;
    clang) need clang; configure clang; echo "clang: built without a warning" ;;
    analyze) need clang clang-tidy; configure analyze; echo "analyze: clean" ;;
    format) need clang-format
      git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror && echo "format: clean" ;;
    valgrind) need valgrind; tests/valgrind.sh build/release/jobs/clv ;;
    emulated) need bochs bochs-term bochsbios vgabios isolinux syslinux-common xorriso cpio bsdutils; tests/isa/emulated.sh build/release ;;
    fuzz) need clang libclang-rt-14-dev; configure fuzz
      seconds=600; case ${1:-} in [0-9]*) seconds=$1; shift ;; esac
      tests/fuzz/run.sh build/fuzz "$seconds" ;;
    *) sed -n '2,14p' "$0"; echo "run: no configuration is called '$what'" >&2; exit 2 ;;
  esac
done

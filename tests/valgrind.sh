#!/bin/sh
# valgrind.sh CLV: memcheck on a one-rank simulate, prepare, fit, predict of a small portfolio. Errors in our code and definite leaks
# fail; what Open MPI and HDF5 keep until the process ends is suppressed by the former's own list and by tests/valgrind.supp.
set -eu
clv=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mpi=/usr/share/openmpi/openmpi-valgrind.supp
check() {
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl=self \
    valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --num-callers=25 \
      ${mpi:+--suppressions="$mpi"} --suppressions="$here/valgrind.supp" "$clv" "$@" || { rc=$?; [ $rc -eq 4 ] || exit $rc; }
}
check simulate --customers 1500 --weeks 39 --holdout 20 --seed 3 --output "$work/data" >/dev/null
for job in prepare fit diagnose predict evaluate; do
  echo "valgrind: clv $job"
  check $job "$work/data/clv.yaml" --set output.directory="$work" --set sampler.num_warmup=150 --set sampler.num_samples=100 \
    --set predict.draws=50 --quiet >/dev/null
done
echo "valgrind: clean"

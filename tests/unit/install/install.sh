#!/bin/sh
# install.sh BUILD CONSUMER CC SANITIZE: install BUILD into a scratch prefix, build CONSUMER against it and run it.
set -eu
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cmake --install "$1" --prefix "$work/prefix" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
flags=${4:+-fsanitize=$4}
cmake -S "$2" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_C_COMPILER="$3" -DCMAKE_C_FLAGS="$flags" >"$work/log" 2>&1 &&
  cmake --build "$work/build" >>"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
"$work/build/consumer"
"$work/prefix/bin/clv" --version

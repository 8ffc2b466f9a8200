# Sourced by the tests of plug-ins, which are given BUILD EXAMPLE CC: installs the program in $work/prefix; then the example is built with that alone.
# shellcheck shell=bash
build=$1 example=$2 cc=$3
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
fail() { echo "$1"; cat "$work/out"; exit 1; }
cmake --install "$build" --prefix "$work/prefix" >"$work/out" 2>&1 || fail "install"
clv="$work/prefix/bin/clv"
run() { # ranks args...
  local ranks=$1; shift
  if [ "$ranks" -eq 1 ]; then "$clv" "$@" >"$work/out" 2>&1; else "$CLV_TESTS/mpirun.sh" "$ranks" "$clv" "$@" >"$work/out" 2>&1; fi
}
refuses_on() { # ranks pattern args...: exit code 2 and one sentence
  local ranks=$1 pattern=$2 rc; shift 2
  run "$ranks" "$@"; rc=$?
  [ $rc -eq 2 ] || fail "$* at $ranks ranks: exit code $rc, not 2"
  [ "$(grep -c '^clv: ' "$work/out")" -eq 1 ] || fail "$* at $ranks ranks: not one sentence"
  grep '^clv: ' "$work/out" | grep -q -- "$pattern" || fail "$* at $ranks ranks: no '$pattern'"
}
compile() { # name flags...: -I of the installed headers is all it is given
  local name=$1; shift
  "$cc" -std=c11 -O1 -shared -fPIC -ffp-contract=off -I"$work/prefix/include" "$@" -o "$work/$name.so" >"$work/out" 2>&1 || fail "compiling $name"
}

cp -r "$example" "$work/example"
cmake -S "$work/example" -B "$work/made" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_C_COMPILER="$cc" >"$work/out" 2>&1 && cmake --build "$work/made" >>"$work/out" 2>&1 || fail "CMake"

#!/bin/sh
# A wrong command line or place: the exit code, one line on stderr, at 1 and at 3 ranks.
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/clv_cli.XXXXXX")
trap 'rm -rf "$dir"' EXIT
failed=0
wrong() { echo "FAILED: $1"; cat "$dir/err"; failed=1; }

# alone and together CODE TEXT ARGUMENTS...: TEXT on stderr in exactly one line that begins with "clv: "; together: at 3 ranks
alone() { check 1 "$@"; }
together() { check 1 "$@"; check 3 "$@"; }
check() {
  ranks=$1; code=$2; text=$3; shift 3
  if [ "$ranks" -eq 1 ]; then "$CLV" "$@" >"$dir/out" 2>"$dir/err"; got=$?
  else "$CLV_TESTS/mpirun.sh" "$ranks" "$CLV" "$@" >"$dir/out" 2>"$dir/err"; got=$?; fi
  [ $got -eq "$code" ] || wrong "exit $got, not $code, at $ranks ranks: clv $*"
  [ "$(grep -c '^clv: ' "$dir/err")" -eq 1 ] || wrong "not one line at $ranks ranks: clv $*"
  grep -qF -- "$text" "$dir/err" || wrong "no '$text' at $ranks ranks: clv $*"
}
printf 'sampler:\n  num_chain: 4\n' >"$dir/bad.yaml"
printf 'output: {directory: %s/runs}\n' "$dir" >"$dir/good.yaml"
: >"$dir/file"

alone 2 "which job?"
alone 2 "did you mean 'config'" confg
together 2 "bad.yaml:2:3: unknown key 'sampler.num_chain'; did you mean 'sampler.num_chains'" config "$dir/bad.yaml"
together 2 "nowhere.yaml': No such file" config "$dir/nowhere.yaml"
alone 2 "needs a configuration" refit
alone 2 "--set needs key=value" config "$dir/good.yaml" --set
alone 2 "does not know the argument '--frsh'" refit "$dir/good.yaml" --frsh
alone 2 "did you mean 'predict'" refit "$dir/good.yaml" --from predct
# options may stand before the configuration
alone 2 "bad.yaml:2:3: unknown key" fit --fresh "$dir/bad.yaml"
alone 2 "bad.yaml:2:3: unknown key" fit --more 3 "$dir/bad.yaml"
together 2 "output.directory" refit "$dir/good.yaml" --set "output.directory=$dir/file/below"

# alone: help, version, a reader that leaves, a closed stdout, a full disk
"$CLV" --help >"$dir/out" 2>"$dir/err" || wrong "--help"
grep -q refit "$dir/out" || wrong "--help lists no refit"
"$CLV" refit --help 2>"$dir/err" | grep -q -- --from || wrong "refit --help"
"$CLV" --version 2>"$dir/err" | grep -q "^HDF5: " || wrong "--version"
"$CLV" config --help sampler.seed 2>"$dir/err" | grep -q "default: 1" || wrong "config --help KEY"
for i in 1 2 3; do
  { "$CLV" config 2>"$dir/err"; echo $? >"$dir/code"; } | head -1 >/dev/null
  [ "$(cat "$dir/code")" -eq 0 ] || wrong "config | head"
done
"$CLV" --help >&- 2>"$dir/err" || wrong "--help with stdout closed"
"$CLV" config "$dir/good.yaml" >/dev/full 2>"$dir/err"
[ $? -eq 1 ] || wrong "a full disk under stdout is no fault"

# one clv at a time in a run directory
mkdir -p "$dir/runs/good"
if command -v flock >/dev/null; then
  flock "$dir/runs/good/.lock" "$CLV" refit "$dir/good.yaml" >/dev/null 2>"$dir/err"
  [ $? -eq 2 ] || wrong "a locked directory was used"
  grep -q "another clv is at work" "$dir/err" || wrong "no word about the lock"
fi
exit $failed

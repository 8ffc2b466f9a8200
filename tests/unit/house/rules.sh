#!/bin/sh
# rules.sh TREE: what the folders promise. MPI is called in comm/ alone; engine/ opens no file; engine/ and io/ do not know each other; every page the README names exists.
cd "$1" || exit 1
bad=0
say() { echo "$1"; bad=1; }
found=$(grep -rnE '\bMPI_[A-Z][A-Za-z_]+ *\(' engine io jobs --include='*.c' --include='*.h' || true)
[ -z "$found" ] || say "MPI is called outside comm/:
$found"
found=$(grep -rnE '\b(fopen|open|fdopen|H5Fopen|H5Fcreate) *\(' engine --include='*.c' --include='*.h' || true)
[ -z "$found" ] || say "engine/ opens a file:
$found"
found=$(grep -rnE '#include "(io|jobs)/' engine comm; grep -rnE '#include "(engine|jobs)/' io comm)
[ -z "$found" ] || say "an arrow that is not drawn:
$found"
for page in $(grep -oE 'docs/[a-z_]+\.md' README.md | sort -u); do
  [ -f "$page" ] || say "README names $page, which is not there"
done
exit $bad

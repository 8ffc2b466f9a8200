#!/bin/sh
# same_bytes.sh PREPARE_WITH MPIRUN: portfolio.h5, data_report.json and rejected.csv are the same bytes on 1, 2, 3 and 4 ranks, and the
# portfolio is the same however the log is ordered and cut into files.
prepare=$1 mpirun=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

# A log with quoted line ends, bad rows, duplicates, returns, zeros and ids of many lengths.
awk 'BEGIN {
  srand(7); print "note,id,date,amount"
  for (i = 0; i < 6000; i++) {
    c = int(rand() ^ 2 * 700); d = int(rand() * 500)
    id = sprintf("%s%d", substr("customer-with-a-long-name", 1, c % 26), c)
    note = i % 3 ? "" : i % 2 ? "\"a \"\"b\"\"\n,c\"" : "\"\n\n\n\""
    amount = int(rand() * 10000 - 400) / 100; if (i % 90 == 0) amount = 0; if (i % 77 == 0) amount = "1,5"
    if (i % 5 == 0) id = "\"" id "\""
    row = sprintf("%s,%s,20%02d-%02d-%02d,%s", note, id, 20 + d % 2, 1 + d % 12, 1 + d % 31, amount)
    print row; if (i % 400 == 0) print row
  }
}' >"$work/log.csv"
awk 'BEGIN { srand(8); print "country,id,age,kind"; for (c = 0; c < 690; c++)
  printf "%s,%s%d,%s,%s\n", c % 11 ? "c" c % 4 : "", substr("customer-with-a-long-name", 1, c % 26), c, c % 17 ? int(rand() * 80) : "", "k" c % 3 }' >"$work/table.csv"

# once NAME RANKS WORDS...
once() {
  name=$1 ranks=$2
  shift 2
  "$mpirun" "$ranks" "$prepare" out="$work/$name$ranks" amount=amount end=2021-03-15 holdout=2021-10-01 "$@" >"$work/say" 2>"$work/err" ||
    { cat "$work/err" >&2; failed=1; }
}

same() { cmp "$1" "$2" >&2 || failed=1; }

# ranks NAME WORDS...: all three files on 1 to 4 ranks
ranks() {
  name=$1
  shift
  for n in 1 2 3 4; do
    once "$name" $n "$@"
    for file in portfolio.h5 data_report.json rejected.csv; do same "$work/${name}1/run/$file" "$work/$name$n/run/$file"; done
  done
}

table="table=$work/table.csv segment=country covariate=age covariate=kind"
ranks plain log="$work/log.csv" duplicates=drop $table
[ "$(wc -l <"$work/plain1/run/rejected.csv")" -gt 90 ] || { echo "rejected.csv is too short" >&2; failed=1; }
ranks instant log="$work/log.csv" merge=instant unit=month $table missing=drop unknown=drop

# the same rows, cut into files, in another order, some compressed: the same portfolio
grep -v '"' "$work/log.csv" | grep -v '^$' | awk -F, 'NF == 4' >"$work/lines.csv"
once lines 1 log="$work/lines.csv"
mkdir "$work/cut"
tail -n +2 "$work/lines.csv" | awk '{ print length($0) * 7919 % 1009, NR * 7907 % 1013, $0 }' | sort -n | cut -d' ' -f3- |
  awk -v to="$work/cut/" '{ f = to "part" NR % 5 ".csv"; if (!(f in seen)) { print "note,id,date,amount" >f; seen[f] = 1 } print >f }'
gzip "$work/cut/part1.csv" "$work/cut/part3.csv"
ranks cut log="$work/cut/*.csv" log="$work/cut/*.gz"
same "$work/lines1/run/portfolio.h5" "$work/cut1/run/portfolio.h5"

# more ranks than customers, and than bytes of data
printf 'id,date,amount\na,2020-01-01,1\nb,2020-01-02,2\n' >"$work/few.csv"
ranks few log="$work/few.csv"
exit $failed

#!/bin/sh
# bad_input.sh RANKS PREPARE_WITH MPIRUN: every kind of bad input ends with its exit code and one sentence on every rank, or is counted
# and listed; nothing half-written stays.
ranks=$1 prepare=$2 mpirun=$3
# alone, as a user would; mpirun takes a second to leave where a program fails
[ "$ranks" -eq 1 ] && mpirun=run_alone
run_alone() { shift && "$@"; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
case_name=

fault() {
  echo "$case_name ($ranks ranks): $*" >&2
  sed 's/^/    /' "$work/err" >&2
  failed=1
}

# run NAME WORDS...: prepares into a fresh folder; the code is in $code
run() {
  case_name=$1
  shift
  rm -rf "$work/out"
  "$mpirun" "$ranks" "$prepare" out="$work/out" amount=amount "$@" >"$work/say" 2>"$work/err"
  code=$?
}

# refused NAME CODE PATTERN WORDS...: exit code, exactly one sentence that matches, no output files
refused() {
  name=$1 wanted=$2 pattern=$3
  shift 3
  run "$name" "$@"
  [ "$code" -eq "$wanted" ] || fault "exit code $code, expected $wanted"
  [ "$(grep -c '^clv: ' "$work/err")" -eq 1 ] || fault "expected one sentence"
  grep -q -- "$pattern" "$work/err" || fault "expected a sentence with '$pattern'"
  grep -q 'HDF5-DIAG\|MPI_ABORT\|signal' "$work/err" && fault "a library spoke"
  [ -z "$(find "$work/out" -type f 2>/dev/null)" ] || fault "files were left: $(find "$work/out" -type f)"
}

# taken NAME CUSTOMERS REJECTED WORDS...: done, with so many customers and rejected rows
taken() {
  name=$1 customers=$2 rejected=$3
  shift 3
  run "$name" "$@"
  [ "$code" -eq 0 ] || fault "exit code $code"
  grep -q "^$customers customers" "$work/say" || fault "expected $customers customers: $(cat "$work/say")"
  [ "$(($(wc -l <"$work/out/run/rejected.csv") - 1))" -eq "$rejected" ] ||
    fault "expected $rejected rejected rows: $(cat "$work/out/run/rejected.csv")"
  [ "$(ls "$work/out/run" | wc -l)" -eq 3 ] || fault "expected three files"
}

# reason PATTERN: a line of rejected.csv
reason() { grep -q -- "$1" "$work/out/run/rejected.csv" || fault "no rejected row with '$1'"; }
# report PATTERN: a line of the report
report() { grep -q -- "$1" "$work/out/run/data_report.json" || fault "no line '$1' in the report"; }

head='id,date,amount'
good='a,2020-01-01,10
a,2020-01-08,20
b,2020-01-02,5'
printf '%s\n%s\n' "$head" "$good" >"$work/good.csv"

taken plain 2 0 log="$work/good.csv"
cp "$work/out/run/portfolio.h5" "$work/good.h5"
refused missing_file 3 'cannot open' log="$work/nothing.csv"
refused no_match 3 'no file matches' log="$work/nothing*.csv"
refused object_store 2 'not available' log=gs://bucket/a.csv
refused folder 3 'is not a file' log="$work"
: >"$work/empty.csv"
refused empty_file 3 'is empty' log="$work/empty.csv"
printf '\n%s\n' "$good" >"$work/blank.csv"
refused blank_header 3 'no header' log="$work/blank.csv"
printf '%s\n' "$good" >"$work/nohead.csv"
refused no_header 3 'seems to be data' log="$work/nohead.csv"
printf '%s\n' "$head" >"$work/onlyhead.csv"
refused only_header 3 'holds no rows' log="$work/onlyhead.csv"
refused wrong_column 3 "no column 'amuont' .*it has: id, date, amount; the nearest is 'amount'" log="$work/good.csv" amount=amuont
sed 's/,/;/g' "$work/good.csv" >"$work/semicolon.csv"
refused semicolons 3 'semicolons' log="$work/semicolon.csv"
sed '1s/.*/id,date,amount,amount/; 2,$s/$/,1/' "$work/good.csv" >"$work/twice.csv"
refused column_twice 3 "2 columns named 'amount'" log="$work/twice.csv"
noise() { python3 -c "import random, sys; sys.stdout.buffer.write(random.Random(7).randbytes($1))"; } # the same each time
noise 100000 >"$work/garbage.csv"
refused garbage 3 "garbage.csv'" log="$work/garbage.csv"
printf '\377\376i\000d\000' >"$work/utf16.csv"
refused utf16 3 'UTF-16' log="$work/utf16.csv"
refused bad_format 2 'unknown conversion' log="$work/good.csv" format=%Q
refused bad_date 2 'data.observation_end' log="$work/good.csv" end=soon
refused dates_reversed 2 'must be later' log="$work/good.csv" end=2020-01-05 holdout=2020-01-05
refused nobody_left 3 'no customer is left: the log runs from 2020-01-01 to 2020-01-08' log="$work/good.csv" end=2019-01-01

# what is wrong with single rows
{
  printf '%s\n%s\n' "$head" "$good"
  printf 'c,2020-02-31,5\n'
  printf 'c,2020-01-01,"1,5"\nc,2020-01-01,NaN\nc,2020-01-01,\nc,2020-01-01,1e16\n'
  printf ',2020-01-01,5\nc,01/02/2020,5\nc,2020-01-01\nc,2020-01-01,5,6\n'
  printf 'c\001,2020-01-01,5\nc"d,2020-01-01,5"\n"c"d,2020-01-01,5\n'
  printf 'c\000,2020-01-01,5\n'
  head -c 10240 /dev/zero | tr '\0' 'x'
  printf ',2020-01-01,5\n'
  head -c 1048576 /dev/zero | tr '\0' 'y'
  printf ',2020-01-01,5\n'
  head -c 5000000 /dev/zero | tr '\0' 'z'
  printf '\nd,2020-01-03,1\n'
} >"$work/rows.csv"
taken bad_rows 3 16 log="$work/rows.csv"
reason ',5,"there is no such day or time"'
reason ',6,"the amount is not a number"'
reason ',7,"the amount is not a number"'
reason ',8,"the amount is not a number"'
reason ',9,"the amount is beyond 1e15"'
reason ',10,"the customer id is empty"'
reason ',11,"the time does not have'
reason ',12,"not as many fields'
reason ',13,"not as many fields'
reason ',14,"the customer id holds a control'
reason ',15,"a quote inside'
reason ',16,"a quote inside'
reason ',17,"the row holds a NUL'
reason ',18,"the customer id is longer'
reason ',19,"the row is longer'
reason ',20,"the row is longer'
report '"read": 20,'
report '"accepted": 4,'
refused bad_rows_fail 3 "rows.csv', line 5: there is no such day or time (16 such rows in all)" log="$work/rows.csv" bad=fail
grep -v '20-01-0' "$work/good.csv" >"$work/nothing_good.csv"
printf 'a,x,1\nb,y,1\nc,2020-01-01,z\n' >>"$work/nothing_good.csv"
refused nothing_usable 3 'none of the 3 rows.*the time does not have' log="$work/nothing_good.csv"

# quotes with commas and line ends; CRLF and a byte order mark; no line end at the end; columns in another order
printf 'id,note,date,amount\n"a","x,\ny ""z""\n",2020-01-01,10\na,,2020-01-08,"20"\n"b,\"",q,2020-01-02,5' | sed 's/\\"/""/' >"$work/quoted.csv"
taken quoted 2 0 log="$work/quoted.csv"
sed 's/$/\r/' "$work/good.csv" | sed '1s/^/\xef\xbb\xbf/' >"$work/crlf.csv"
taken crlf_bom 2 0 log="$work/crlf.csv"
cmp -s "$work/out/run/portfolio.h5" "$work/good.h5" || fault "differs from the plain file's portfolio"
printf 'amount,id,date\n10,c,2020-01-03\n' >"$work/order.csv"
taken two_orders 3 0 log="$work/good.csv" log="$work/order.csv"
printf '%s\na,2020-01-01,"5\nb,2020-01-02,6\n' "$head" >"$work/unclosed.csv"
refused unclosed_quote 3 "unclosed.csv', line 2: a quote is opened and never closed" log="$work/unclosed.csv"

# duplicates, returns and zero amounts, each under its policies
printf '%s\n%s\n%s\n' "$head" "$good" "$good" >"$work/duplicate.csv"
taken duplicates_dropped 2 3 log="$work/duplicate.csv" duplicates=drop
reason ',5,"the same as another row"'
taken duplicates_kept 2 0 log="$work/duplicate.csv"
refused duplicates_fail 3 "duplicate.csv', line 5: the same as another row (3 such rows" log="$work/duplicate.csv" duplicates=fail
printf '%s\n%s\na,2020-01-08,-5\nc,2020-01-03,-1\nd,2020-01-04,0\n' "$head" "$good" >"$work/returns.csv"
taken returns_net 3 0 log="$work/returns.csv"
report '"no_purchase_after_returns": 1'
taken returns_drop 3 2 log="$work/returns.csv" returns=drop
taken returns_keep 4 0 log="$work/returns.csv" returns=keep
refused returns_fail 3 "returns.csv', line 5: a negative amount" log="$work/returns.csv" returns=fail
taken zeros_drop 2 1 log="$work/returns.csv" zeros=drop
refused zeros_fail 3 "line 7: an amount of zero" log="$work/returns.csv" zeros=fail

printf '%s\na,2020-01-01,10\n' "$head" >"$work/single.csv"
taken single_customer 1 0 log="$work/single.csv"
report 'no customer bought again'
printf '%s\na,2020-01-01,10\nb,2020-01-02,10\nc,2020-01-03,10\n' "$head" >"$work/norepeat.csv"
taken no_repeat_buyers 3 0 log="$work/norepeat.csv"
report 'no customer bought again'

# gzip: whole, by content; cut short; damaged; not gzip at all; several members
gzip -c "$work/good.csv" >"$work/good.csv.gz"
taken gzip 2 0 log="$work/good.csv.gz"
cmp -s "$work/out/run/portfolio.h5" "$work/good.h5" || fault "differs from the plain file's portfolio"
cat "$work/good.csv.gz" >"$work/two.csv.gz" && printf 'c,2020-01-05,3\n' | gzip -c >>"$work/two.csv.gz"
taken gzip_members 3 0 log="$work/two.csv.gz"
head -c 60 "$work/good.csv.gz" >"$work/cut.csv.gz"
refused gzip_cut 3 'ends in the middle' log="$work/cut.csv.gz"
{ head -c 30 "$work/good.csv.gz"; noise 500; } >"$work/damaged.csv.gz"
refused gzip_damaged 3 'damaged gzip data' log="$work/damaged.csv.gz"
{ cat "$work/good.csv.gz"; echo garbage; } >"$work/behind.csv.gz"
refused gzip_garbage_behind 3 'damaged gzip data' log="$work/behind.csv.gz"
cp "$work/good.csv" "$work/plain.csv.gz"
refused not_gzip 3 'is not gzip data' log="$work/plain.csv.gz"

# the customer table
printf 'id,country,age\na,de,30\nb,fr,40\nz,de,50\na,at,1\n' >"$work/table.csv"
taken table 2 1 log="$work/good.csv" table="$work/table.csv" segment=country covariate=age
reason 'table.csv,5,"the customer has another row'
report '"not_in_log": 1'
refused table_missing 3 'cannot open' log="$work/good.csv" table="$work/nothing.csv" segment=country
refused table_column 3 "no column 'land' (customers.segment)" log="$work/good.csv" table="$work/table.csv" segment=land
printf 'id,country,age\na,de,30\n' >"$work/short.csv"
taken table_unknown_kept 2 0 log="$work/good.csv" table="$work/short.csv" segment=country
taken table_unknown_dropped 1 0 log="$work/good.csv" table="$work/short.csv" segment=country unknown=drop
refused table_unknown_fail 3 '1 customers of the log are not in the customer table' log="$work/good.csv" table="$work/short.csv" unknown=fail
printf 'id,country,age\na,de,30\nb,,40\n' >"$work/hole.csv"
refused table_missing_fail 3 '1 customers have an empty value' log="$work/good.csv" table="$work/hole.csv" segment=country missing=fail
taken table_missing_dropped 1 0 log="$work/good.csv" table="$work/hole.csv" segment=country missing=drop
refused covariate_constant 3 "covariate 'country' is the same" log="$work/good.csv" table="$work/short.csv" unknown=drop covariate=country
awk 'BEGIN { print "id,date,amount"; for (i = 0; i < 90; i++) printf "c%d,2020-01-%02d,1\nc%d,2020-03-01,2\n", i, 1 + i % 28, i }' >"$work/many.csv"
awk 'BEGIN { print "id,empty,size,twice,both,level,odd,huge,sum,code"; for (i = 0; i < 90; i++) {
  odd = i == 5 ? "nan" : i == 6 ? "-inf" : i; huge = i == 7 ? "1e300" : i
  printf "c%d,,%d,%d,%d,l%d,%s,%s,%.17g,%d\n", i, i % 10, i % 7, 3 * (i % 10) - (i % 7) + 4, i, odd, huge, i % 10 + 1e-3 * (i % 3), i % 2 } }' >"$work/wide.csv"
wide() { name=$1; shift; refused "$name" 3 "$@" log="$work/many.csv" table="$work/wide.csv"; }
wide covariate_empty "covariate 'empty' has no value for any customer" covariate=empty
wide covariate_collinear "covariate 'both' follows exactly from 'size', 'twice'" covariate=size covariate=code covariate=twice covariate=both
wide covariate_levels "covariate 'level' has 90 levels, at most 64" covariate=level
wide covariate_nan "covariate 'odd' has nan, inf or a number beyond 1e15" covariate=odd
wide covariate_huge "covariate 'huge' has nan, inf or a number beyond 1e15" covariate=huge
taken covariate_nearly_collinear 90 0 log="$work/many.csv" table="$work/wide.csv" covariate=size covariate=sum categorical=size
taken covariate_declared 90 0 log="$work/many.csv" table="$work/wide.csv" covariate=code categorical=code

# where nothing can be written: a file in the folder's place; no space left
echo >"$work/file"
case_name=unwritable
"$mpirun" "$ranks" "$prepare" out="$work/file" amount=amount log="$work/good.csv" >"$work/say" 2>"$work/err"
[ $? -eq 2 ] || fault "expected exit code 2"
[ "$(grep -c '^clv: ' "$work/err")" -eq 1 ] || fault "expected one sentence"
mkdir "$work/full"
if mount -t tmpfs -o size=4k,nr_inodes=20 tmpfs "$work/full" 2>/dev/null; then
  case_name=full
  "$mpirun" "$ranks" "$prepare" out="$work/full" amount=amount log="$work/good.csv" >"$work/say" 2>"$work/err"
  code=$?
  [ "$code" -eq 1 ] || fault "exit code $code, expected 1"
  [ "$(grep -c '^clv: cannot write' "$work/err")" -eq 1 ] || fault "expected one sentence"
  [ -z "$(find "$work/full" -type f)" ] || fault "files were left: $(find "$work/full" -type f)"
  umount "$work/full"
else
  echo "a full disk was not tried: no file system can be mounted here"
fi
exit $failed

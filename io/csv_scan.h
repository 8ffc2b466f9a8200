#ifndef CLV_IO_CSV_SCAN_H
#define CLV_IO_CSV_SCAN_H

#include "io/csv.h"
#include "io/csv_files.h"

/** The rows of many CSV files, plain or gzip, read by all ranks together: each row is given on exactly one
 * rank, for plain files the one in whose byte range it begins. Which rows there are does not depend on the
 * number of ranks. */
typedef struct clv_csv_scan clv_csv_scan;

/** Most columns asked for. */
#define CLV_CSV_WANTED_MAX 256u

/** A column that is looked for in each file's header. */
typedef struct clv_csv_column {
  const char *key;  /* the configuration key that names it, for messages; borrowed */
  const char *name; /* borrowed */
} clv_csv_column;

typedef struct clv_csv_row {
  const clv_text
          *field; /* [n_column] in the order asked for; valid until the next row; not set where defect */
  uint32_t file;
  uint64_t line;  /* of its begin, in its file, from 1 */
  size_t   bytes; /* its length */
  clv_csv_defect defect;
} clv_csv_row;

/** Deal the files to ranks, and find where each rank's first row begins: the part of a file before a range is
 * scanned for quotes once by the ranks that own it. Collective, synchronising.
 *  @param files  borrowed
 *  @param column  [n_column], borrowed */
clv_status clv_csv_scan_new(const clv_comm *comm, const clv_csv_files *files, const clv_csv_column *column,
                            size_t n_column, clv_csv_scan **out);
void       clv_csv_scan_free(clv_csv_scan **self);

/** This rank's next row: 1 given, 0 none left, < 0 a clv_status (a file that cannot be read, has no usable
 * header, or ends inside quotes). Blank lines are passed over and counted. Not collective. */
int clv_csv_scan_next(clv_csv_scan *self, clv_csv_row *row);

/** A hash of the last row: all its columns by name and content, in whatever order. Not collective. */
uint64_t clv_csv_scan_row_hash(const clv_csv_scan *self);

/** Blank lines so far on this rank. Not collective. */
uint64_t clv_csv_scan_blank_lines(const clv_csv_scan *self);

#endif

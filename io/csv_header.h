#ifndef CLV_IO_CSV_HEADER_H
#define CLV_IO_CSV_HEADER_H

#include "io/csv_scan.h"

/** The first record of a file: which column is where. */
typedef struct clv_csv_header {
  size_t    n_field;
  size_t   *place; /* owned, [n_column]: field that holds each column asked for */
  uint64_t *hash;  /* owned, [n_field]: of each column's name */
} clv_csv_header;

/** Find the columns asked for. Not collective.
 *  @param record  the file's first; changed in place
 *  @return CLV_EDATA with the file, the columns found and the nearest one, or what the file seems to be
 * instead of CSV */
clv_status clv_csv_header_read(const char *path, clv_csv_record *record, const clv_csv_column *column,
                               size_t n_column, clv_csv_header *out);
void       clv_csv_header_clear(clv_csv_header *self);

#endif

#ifndef CLV_IO_CSV_STREAM_H
#define CLV_IO_CSV_STREAM_H

#include "io/csv.h"
#include "io/csv_files.h"

/** An open input file as a source of bytes: read in place, or inflated on the way. */
typedef struct clv_csv_stream clv_csv_stream;

/** @param file  borrowed. Not collective. */
clv_status     clv_csv_stream_new(const clv_csv_file *file, clv_csv_stream **out);
void           clv_csv_stream_free(clv_csv_stream **self);
clv_csv_source clv_csv_stream_source(clv_csv_stream *self);

/** Plain files only: go on from this byte. Not collective. */
void clv_csv_stream_seek(clv_csv_stream *self, uint64_t offset);

#endif

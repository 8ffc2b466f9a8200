#ifndef CLV_IO_TRACE_FILE_H
#define CLV_IO_TRACE_FILE_H

/* What the trace's writer, skeleton and reader share; not installed as an interface. */

#include <hdf5.h>

#include "io/trace.h"

/** A column of /sample_stats: where it lies in clv_trace_stat. */
typedef struct clv_stat_column {
  const char *name;
  size_t      offset;
  char        kind; /* 'd' double, 'i' int32, 'b' bool */
} clv_stat_column;

enum { CLV_STAT_COLUMNS = 9 };
extern const clv_stat_column CLV_STAT_COLUMN[CLV_STAT_COLUMNS];

/** Memory and file type of a column. */
hid_t clv_stat_type(const clv_stat_column *column);

/** Writes the whole skeleton with one rank, serially. Not collective. */
clv_status clv_trace_skeleton(const char *path, const clv_trace_plan *plan);

/** Makes a file anew that was planned for another number of draws, with all draws it has: a draw axis has a
 * finite maximum. The old one is there until the new one takes its name. Not collective: one rank. */
clv_status clv_trace_remake(const char *path, const clv_trace_plan *plan);

/** Names of the groups that grow: posterior and sample_stats of sampling (0) and of warm-up (1). */
extern const char *const CLV_TRACE_GROUP[2][2];

#endif

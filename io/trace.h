#ifndef CLV_IO_TRACE_H
#define CLV_IO_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "comm/comm.h"

#define CLV_TRACE_NAME_MAX 64

/** A reported variable: chain × draw, or chain × draw × dimension. */
typedef struct clv_trace_variable {
  char               name[CLV_TRACE_NAME_MAX];
  char               dimension[CLV_TRACE_NAME_MAX]; /* "" for a scalar */
  size_t             length;
  const char *const *label; /* [length] coordinate labels, borrowed at creation; NULL for 0, 1, … */
} clv_trace_variable;

typedef struct clv_trace_stat {
  double  lp, energy, energy_error, acceptance_rate, step_size;
  int32_t tree_depth, n_steps;
  int8_t  diverging, reached_max_treedepth;
} clv_trace_stat;

/** trace.nc: netCDF-4 / InferenceData on parallel HDF5, grown leg by leg (docs/files.md). */
typedef struct clv_trace clv_trace;

typedef struct clv_trace_attribute {
  const char *name, *text;
} clv_trace_attribute;

typedef struct clv_trace_plan {
  size_t                     n_chain, n_draw, n_warmup; /* n_warmup 0: no warm-up groups */
  size_t                     n_variable;
  const clv_trace_variable  *variable;  /* [n_variable] */
  size_t                     n_attribute;
  const clv_trace_attribute *attribute; /* root attributes: model, version, seed, created_at … */
} clv_trace_plan;

/** Make the file (under a temporary name, renamed when its skeleton is whole) and open it on all ranks. Collective. */
clv_status clv_trace_create(const clv_comm *comm, const char *path, const clv_trace_plan *plan, clv_trace **out);
/** Append n draws of every chain and make them durable. Collective; rank 0's arrays are written.
 *  @param value [n_chain][n][sum of lengths]  @param stat [n_chain][n] */
clv_status clv_trace_append(clv_trace *self, bool warmup, size_t n, const double *value, const clv_trace_stat *stat);
/** /observed_data: this rank's customers [first, first + n) of n_all, written in parallel. `column` [n_column][n]. Collective. */
clv_status clv_trace_observe(clv_trace *self, uint64_t n_all, uint64_t first, uint64_t n, size_t n_column,
                             const char *const *name, const double *const *column);
/** /constant_data scalars and the tuning (step size, inverse metric [dim][dim]). Collective; rank 0's are written. */
clv_status clv_trace_constant(clv_trace *self, const char *name, double value);
clv_status clv_trace_tuning(clv_trace *self, double step_size, size_t dim, const double *inv_metric);
clv_status clv_trace_close(clv_trace **self); /* collective */

/** The posterior group in memory, for diagnostics and forecasts; rank 0 reads, everyone gets it. */
typedef struct clv_draws {
  size_t              n_chain, n_draw, n_variable, n_value;
  clv_trace_variable *variable; /* [n_variable], labels owned (NULL where none) */
  char             ***label;    /* [n_variable] owned labels */
  double             *value;    /* [n_chain][n_draw][n_value] */
  clv_trace_stat     *stat;     /* [n_chain][n_draw] */
} clv_draws;

clv_status clv_draws_read(const clv_comm *comm, const char *path, clv_draws **out); /* collective */
void       clv_draws_free(clv_draws **self);
/** Root attribute of the trace read, NULL where absent; owned by the caller. Collective. */
clv_status clv_trace_attribute_read(const clv_comm *comm, const char *path, const char *name, char **out);

#endif

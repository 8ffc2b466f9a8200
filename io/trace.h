#ifndef CLV_IO_TRACE_H
#define CLV_IO_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "comm/comm.h"

#define CLV_TRACE_NAME_MAX 64

/** The dimension of customers' own parameters. */
#define CLV_TRACE_CUSTOMER "customer"

/** A reported variable: chain × draw, or chain × draw × dimension. */
typedef struct clv_trace_variable {
  char               name[CLV_TRACE_NAME_MAX];
  char               dimension[CLV_TRACE_NAME_MAX]; /* "" for a scalar */
  size_t             length;
  const char *const *label; /* [length] coordinate labels, borrowed; NULL for 0, 1, … */
} clv_trace_variable;

/** One draw's row of /sample_stats, under the names that ArviZ knows. */
typedef struct clv_trace_stat {
  double  lp, energy, energy_error, acceptance_rate, step_size;
  int32_t tree_depth, n_steps;
  int8_t  diverging, reached_max_treedepth;
} clv_trace_stat;

typedef struct clv_trace_attribute {
  const char *name, *text;
} clv_trace_attribute;

typedef struct clv_trace_constant {
  const char *name;
  double      value;
} clv_trace_constant;

/** All that the file will ever hold, so that its skeleton is made once, by one rank. Everything is borrowed.
 */
typedef struct clv_trace_plan {
  size_t                     n_chain, n_draw, n_warmup; /* n_warmup 0: no warm-up groups */
  size_t                     n_variable;
  const clv_trace_variable  *variable; /* [n_variable], at least one */
  size_t                     n_dim;    /* of the metric */
  bool                       diagonal; /* the metric is: inv_metric is [n_dim], not [n_dim][n_dim] */
  size_t                     n_attribute;
  const clv_trace_attribute *attribute; /* of the root: model, version, seed … */
  size_t                     n_constant;
  const clv_trace_constant  *constant;   /* /constant_data */
  uint64_t                   n_observed; /* customers of /observed_data */
  size_t                     n_column;
  const char *const         *column; /* [n_column] names of /observed_data */
} clv_trace_plan;

/** trace.nc: netCDF-4 / InferenceData on parallel HDF5, grown leg by leg (docs/trace.md). */
typedef struct clv_trace clv_trace;

/** Make the file under a temporary name, rename it when its skeleton is whole (no draws yet, and it opens
 * everywhere), and open it on all ranks. Collective. */
clv_status clv_trace_create(const clv_comm *comm, const char *path, const clv_trace_plan *plan,
                            clv_trace **out);

/** Open an existing file to go on after `n_warmup` and `n_draw` committed draws; what lies beyond is cut off.
 * A file that was planned for another number of draws is made anew with those it has. Collective.
 *  @return CLV_EDATA where the file holds fewer draws or other variables */
clv_status clv_trace_resume(const clv_comm *comm, const char *path, const clv_trace_plan *plan,
                            size_t n_warmup, size_t n_draw, clv_trace **out);

/** Append n draws of every chain; when this returns they are on disk and readable. Collective; rank 0's
 * arrays are written.
 *  @param value [n_chain][n][sum of lengths]  @param stat [n_chain][n] */
clv_status clv_trace_append(clv_trace *self, bool warmup, size_t n, const double *value,
                            const clv_trace_stat *stat);

/** This rank's customers [first, first + n) of column `column` of /observed_data. Collective. */
clv_status clv_trace_observe(clv_trace *self, size_t column, uint64_t first, uint64_t n, const double *value);

/** Pooled step size and inverse metric, [n_dim][n_dim] or its diagonal as planned. Collective; rank 0's are
 * written. */
clv_status clv_trace_tuning(clv_trace *self, double step_size, const double *inv_metric);

/** Where the chains are, [n_chain][n_dim] unconstrained coordinates: what a later run may begin with; and the
 * gradients that the warm-up took, over all chains. Collective; rank 0's are written. */
clv_status clv_trace_position(clv_trace *self, const double *phi, double warmup_gradients);

/** All that was written becomes durable (fsync): before a checkpoint counts it. Collective. */
clv_status clv_trace_sync(clv_trace *self);

/** Flush and close. Collective; frees self whatever comes. */
clv_status clv_trace_close(clv_trace **self);

/** The posterior in memory, for diagnostics and forecasts. */
typedef struct clv_draws {
  size_t              n_chain, n_draw, n_variable, n_value;
  clv_trace_variable *variable; /* owned [n_variable]; labels owned too */
  double             *value;    /* owned [n_chain][n_draw][n_value] */
  clv_trace_stat     *stat;     /* owned [n_chain][n_draw] */
} clv_draws;

/** Rank 0 reads, everyone gets the same. Collective. @param customers  kept customers' own parameters too
 *  @return CLV_EDATA with the path and what is wrong */
clv_status clv_draws_read(const clv_comm *comm, const char *path, bool customers, clv_draws **out);
void       clv_draws_free(clv_draws **self);
/** Offset of a variable's values inside a draw, or -1. Not collective. */
long clv_draws_find(const clv_draws *self, const char *name);

/** What a later run may begin with. */
typedef struct clv_trace_start {
  size_t  n_chain, n_dim;
  bool    diagonal;
  double  step_size, warmup_gradients, num_warmup;
  double *inv_metric; /* owned: [n_dim][n_dim], or [n_dim] where diagonal */
  double *phi;        /* owned: [n_chain][n_dim] last position of every chain */
} clv_trace_start;

/** Rank 0 reads, everyone gets the same. Collective. @return CLV_EDATA with what is missing, such as a run
 * that never came to its first draw */
clv_status clv_trace_start_read(const clv_comm *comm, const char *path, clv_trace_start *out);
void       clv_trace_start_free(clv_trace_start *self);

/** Root attribute of a trace; "" where it is absent. Owned by the caller. Collective. */
clv_status clv_trace_attribute_read(const clv_comm *comm, const char *path, const char *name, char **out);

#endif
